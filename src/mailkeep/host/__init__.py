"""One machine's side of Mailkeep: its home folder and lock, the embedded database, the processes behind `serve`.

    environment   MAILKEEP_HOME and DATABASE_URL, read once; creates nothing
    home          makes the home folder, its rooms and its keys
    lock          locks that end with the process that holds them
    launch        a program of its own: starts another one that dies with its parent, under another account if told so
    account       as root: the system account that owns the database's files, and nothing else
    engine        this home's own set of PostgreSQL programs
    postgres      one database cluster: made, started, stopped
    upgrade       a cluster made by an older major version, brought over
    database      `running(home)`: the database while a command needs it, owned or shared
    supervisor    the processes behind `serve`

Architecture invariant: nothing here knows mail, tasks or Django; the supervisor gets its children as data.
"""
