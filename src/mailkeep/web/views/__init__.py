"""The pages' views, by what they show. Each translates the request, calls one operation and renders its answer."""
