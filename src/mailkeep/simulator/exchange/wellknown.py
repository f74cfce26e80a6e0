"""The folders every mailbox is born with: distinguished name, parent, class, and the name a person reads.

    root ── msgfolderroot ── inbox, calendar, contacts ── recipientcache …
        ├── recoverableitemsroot ── …deletions, …versions, …purges
        └── searchfolders
    archiveroot ── archivemsgfolderroot ── archivedeleteditems      (a mailbox with an in-place archive)
               └── archiverecoverableitemsroot ── …

The distinguished names are EWS's (DistinguishedFolderIdNameType); the localised ones are those Exchange itself gives.
"""

from __future__ import annotations

from typing import NamedTuple


class WellKnown(NamedTuple):
    distinguished: str
    parent: str  # distinguished name; "" for a root
    folder_class: str
    name: str  # in English


PRIMARY = (
    WellKnown("root", "", "", ""),
    WellKnown("msgfolderroot", "root", "IPF.Note", "Top of Information Store"),
    WellKnown("calendar", "msgfolderroot", "IPF.Appointment", "Calendar"),
    WellKnown("contacts", "msgfolderroot", "IPF.Contact", "Contacts"),
    WellKnown("recipientcache", "contacts", "IPF.Contact.RecipientCache", "Recipient Cache"),
    WellKnown("conversationhistory", "msgfolderroot", "IPF.Note", "Conversation History"),
    WellKnown("deleteditems", "msgfolderroot", "IPF.Note", "Deleted Items"),
    WellKnown("drafts", "msgfolderroot", "IPF.Note", "Drafts"),
    WellKnown("inbox", "msgfolderroot", "IPF.Note", "Inbox"),
    WellKnown("journal", "msgfolderroot", "IPF.Journal", "Journal"),
    WellKnown("junkemail", "msgfolderroot", "IPF.Note", "Junk Email"),
    WellKnown("notes", "msgfolderroot", "IPF.StickyNote", "Notes"),
    WellKnown("outbox", "msgfolderroot", "IPF.Note", "Outbox"),
    WellKnown("sentitems", "msgfolderroot", "IPF.Note", "Sent Items"),
    WellKnown("tasks", "msgfolderroot", "IPF.Task", "Tasks"),
    WellKnown("searchfolders", "root", "", "Finder"),
    WellKnown("recoverableitemsroot", "root", "", "Recoverable Items"),
    WellKnown("recoverableitemsdeletions", "recoverableitemsroot", "", "Deletions"),
    WellKnown("recoverableitemsversions", "recoverableitemsroot", "", "Versions"),
    WellKnown("recoverableitemspurges", "recoverableitemsroot", "", "Purges"),
)

ARCHIVE = (
    WellKnown("archiveroot", "", "", ""),
    WellKnown("archivemsgfolderroot", "archiveroot", "IPF.Note", "Top of Information Store"),
    WellKnown("archivedeleteditems", "archivemsgfolderroot", "IPF.Note", "Deleted Items"),
    WellKnown("archiverecoverableitemsroot", "archiveroot", "", "Recoverable Items"),
    WellKnown("archiverecoverableitemsdeletions", "archiverecoverableitemsroot", "", "Deletions"),
    WellKnown("archiverecoverableitemsversions", "archiverecoverableitemsroot", "", "Versions"),
    WellKnown("archiverecoverableitemspurges", "archiverecoverableitemsroot", "", "Purges"),
)

_COLUMNS = (
    "msgfolderroot", "calendar", "contacts", "conversationhistory", "deleteditems", "drafts", "inbox", "journal",
    "junkemail", "notes", "outbox", "sentitems", "tasks",
)  # fmt: skip

_NAMES = {
    "de": "Oberste Ebene des Informationsspeichers|Kalender|Kontakte|Aufgezeichnete Unterhaltungen|Gelöschte Elemente|"
    "Entwürfe|Posteingang|Journal|Junk-E-Mail|Notizen|Postausgang|Gesendete Elemente|Aufgaben",
    "fr": "Haut de la banque d'informations|Calendrier|Contacts|Historique des conversations|Éléments supprimés|"
    "Brouillons|Boîte de réception|Journal|Courrier indésirable|Notes|Boîte d'envoi|Éléments envoyés|Tâches",
    "es": "Principio del almacén de información|Calendario|Contactos|Historial de conversaciones|Elementos eliminados|"
    "Borradores|Bandeja de entrada|Diario|Correo no deseado|Notas|Bandeja de salida|Elementos enviados|Tareas",
    "uk": "Верхній рівень сховища даних|Календар|Контакти|Журнал розмов|Видалені|Чернетки|Вхідні|Щоденник|"
    "Небажана пошта|Нотатки|Вихідні|Надіслані|Завдання",
    "ja": "インフォメーション ストアの先頭|予定表|連絡先|会話の履歴|削除済みアイテム|下書き|受信トレイ|履歴|迷惑メール|メモ|"
    "送信トレイ|送信済みアイテム|タスク",
    "ar": "أعلى مخزن المعلومات|التقويم|جهات الاتصال|محفوظات المحادثات|العناصر المحذوفة|المسودات|علبة الوارد|"
    "دفتر اليومية|البريد الإلكتروني غير الهام|الملاحظات|علبة الصادر|العناصر المرسلة|المهام",
    "he": "ראש מאגר המידע|לוח שנה|אנשי קשר|היסטוריית שיחות|פריטים שנמחקו|טיוטות|תיבת דואר נכנס|יומן|דואר זבל|הערות|"
    "תיבת דואר יוצא|פריטים שנשלחו|משימות",
}

_LOCALISED = {language: dict(zip(_COLUMNS, names.split("|"), strict=True)) for language, names in _NAMES.items()}

_ARCHIVE_TWIN = {"archivemsgfolderroot": "msgfolderroot", "archivedeleteditems": "deleteditems"}


def name_in(language: str, folder: WellKnown) -> str:
    """What the folder is called for a person of that language (ISO 639-1); English where Exchange's word is not known."""
    twin = _ARCHIVE_TWIN.get(folder.distinguished, folder.distinguished)
    return _LOCALISED.get(language, {}).get(twin, folder.name)


def counterpart(distinguished: str, *, archive: bool) -> str:
    """The folder of the same purpose in the in-place archive, or in the primary mailbox.

    >>> counterpart("recoverableitemspurges", archive=True)
    'archiverecoverableitemspurges'
    """
    return f"archive{distinguished}" if archive else distinguished
