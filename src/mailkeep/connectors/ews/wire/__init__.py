"""The codec of Exchange Web Services: requests as bytes, answers read as a stream. No sockets; nothing here waits.

    requests, writing ─▶ Request ─envelope─▶ Payload ══▶ server ══▶ chunks ─responses.read─▶ ResponseMessage
                                                                     (carver inside)            │
                                listing: changes, folders ◀───────────────────────────────────┤
                                codes: what an error means ◀──────────────────────────────────┤
                                properties, describe: an archived part, compared and read ◀── verbatim

| module | what |
|---|---|
| `names` | namespaces; text into XML |
| `envelope` | SOAP envelope, request, payload |
| `ids`, `shapes` | how requests name things, and which properties they ask for |
| `requests`, `writing` | one function per operation: those that read, those that write |
| `carver`, `base64_text` | take base64 content out of the byte stream, decoded |
| `responses` | the stream of response messages |
| `listing` | pages of SyncFolderItems, SyncFolderHierarchy, FindItem, folders, as our own values |
| `codes`, `code_table` | response codes → errors of `mailkeep.errors` |
| `autodiscover` | its two protocols' requests and answers |
| `properties`, `describe` | native parts as a comparable map, and as people read them (`people`, `recurrence`, `html_words`, `facts`) |
"""
