from django.apps import AppConfig


class WebConfig(AppConfig):
    name = "mailkeep.web"
    label = "web"
