"""What a client wants to see of an item (its ItemShape), and the item written so.

    shape = read_shape(node)                       BaseShape, AdditionalProperties, IncludeMimeContent, BodyType …
    render_item(call, item, shape)                 the t:Message, children in the order of types.xsd

A property comes from one of three places: `computed.COMPUTED` (what a server reckons), the item's stored properties, or
`computed.STANDING` (what Exchange says of an item nobody said anything else of). Names in order are worked out once per shape
and element, so a listing of ten thousand items costs little more than its text.
"""

from __future__ import annotations

from functools import lru_cache

from lxml import etree
from pybase64 import b64encode

from mailkeep.simulator.ews.computed import COMPUTED, STANDING
from mailkeep.simulator.ews.envelope import Call, EwsError
from mailkeep.simulator.ews.item_schema import DEFAULTS, ORDER, TYPES, property_name, rank, words
from mailkeep.simulator.ews.mapi import extended_property
from mailkeep.simulator.ews.markup import attributes_of, child, child_text, elements, local_name, true
from mailkeep.simulator.ews.mime_content import mime_of
from mailkeep.simulator.ews.view import Shape, View, stored
from mailkeep.simulator.exchange.values import Item, extended_key

_PARSER = etree.XMLParser(resolve_entities=False, no_network=True, huge_tree=True)
_IDS = frozenset({"ItemId"})
# What AllProperties leaves out: it comes only where it is asked for by name.
_ASKED = words("""
    MimeContent UniqueBody NormalizedBody StoreEntryId InstanceKey TextBody Preview EntityExtractionResult PolicyTag
    ArchiveTag RetentionDate Photo ExtendedProperty SearchKey IconIndex
""")
# What FindItem and SyncFolderItems refuse (bodies), and what they silently leave out (everything that is a list).
_REFUSED = frozenset({"MimeContent", "Body", "TextBody", "UniqueBody", "NormalizedBody", "Attachments"})
_UNLISTED = _REFUSED | words("""
    ToRecipients CcRecipients BccRecipients ReplyTo ResponseObjects InternetMessageHeaders Members RequiredAttendees
    OptionalAttendees Resources Recurrence FirstOccurrence LastOccurrence ModifiedOccurrences DeletedOccurrences
    MeetingTimeZone StartTimeZone EndTimeZone OnlineMeetingSettings Photo
""")

# IndexedFieldURI → the property whose one entry it means.
DICTIONARIES = {
    "item:InternetMessageHeader": "InternetMessageHeaders",
    "contacts:ImAddress": "ImAddresses",
    "contacts:PhysicalAddress:Street": "PhysicalAddresses",
    "contacts:PhysicalAddress:City": "PhysicalAddresses",
    "contacts:PhysicalAddress:State": "PhysicalAddresses",
    "contacts:PhysicalAddress:CountryOrRegion": "PhysicalAddresses",
    "contacts:PhysicalAddress:PostalCode": "PhysicalAddresses",
    "contacts:PhoneNumber": "PhoneNumbers",
    "contacts:EmailAddress": "EmailAddresses",
    "distributionlist:Members:Member": "Members",
}


ID_ONLY = Shape()
ALL_PROPERTIES = Shape("AllProperties")


def read_shape(node: etree._Element | None, *, listing: bool = False, lenient: bool = False) -> Shape:
    """The shape that an ItemShape (or AttachmentShape) asks for; what it does not say is as Exchange takes it.

    Raises `EwsError` for a property that such an operation cannot show (`lenient`: leaves it out), or that does not exist.
    """
    if node is None:
        return Shape(listing=listing)
    names, extended, indexed = _additional(child(node, "AdditionalProperties"))
    if listing and names & _REFUSED and not lenient:
        raise EwsError("ErrorInvalidPropertyRequest", "Property is not valid for this operation.")
    size = child_text(node, "MaximumBodySize")
    return Shape(
        base=child_text(node, "BaseShape") or "AllProperties",
        names=names,
        extended=extended,
        indexed=indexed,
        body_type=child_text(node, "BodyType") or "Best",
        body_length_max=int(size) if size.isdigit() else None,
        listing=listing,
        mime=not listing and (true(child_text(node, "IncludeMimeContent")) or "MimeContent" in names),
    )


def _additional(
    node: etree._Element | None,
) -> tuple[frozenset[str], tuple[tuple[str, str, str], ...], tuple[tuple[str, str], ...]]:
    names: set[str] = set()
    extended: list[tuple[str, str, str]] = []
    indexed: list[tuple[str, str]] = []
    for each in elements(node) if node is not None else ():
        kind = local_name(each)
        if kind == "FieldURI":
            names.add(property_name(each.get("FieldURI", "")))
        elif kind == "IndexedFieldURI":
            indexed.append((each.get("FieldURI", ""), each.get("FieldIndex", "")))
        elif kind == "ExtendedFieldURI":
            extended.append(read_extended_uri(each))
        else:
            raise EwsError("ErrorInvalidPropertyRequest", "Property is not valid for this object type.")
    return frozenset(names), tuple(extended), tuple(indexed)


def read_extended_uri(node: etree._Element) -> tuple[str, str, str]:
    """(key, type, the element as text). Raises `EwsError` where it names no property."""
    try:
        key = extended_key({str(name): str(value) for name, value in node.attrib.items()})
    except (KeyError, ValueError) as error:
        raise EwsError("ErrorInvalidExtendedProperty", "The extended property is not valid.") from error
    return key, node.get("PropertyType", "String"), f"<t:ExtendedFieldURI{attributes_of(node)}/>"


def render_item(call: Call, item: Item, shape: Shape) -> etree._Element:
    """The item's element, its children in the order of the schema."""
    return render_view(View(call, item, shape))


def render_text(call: Call, item: Item, shape: Shape) -> str:
    """As a listing's one element among hundreds: text with the prefix `t:`, and never a MimeContent."""
    return _text(View(call, item, shape))


def render_view(view: View) -> etree._Element:
    """As `render_item`. The MIME is set as text, never written into markup to be parsed again."""
    text = _text(view)
    opened = len(view.item.element) + 3
    node = etree.fromstring(f'{text[:opened]} xmlns:t="{TYPES}"{text[opened:]}', _PARSER)
    content = mime_of(view) if view.shape.mime else None
    if content is not None:
        mime = etree.Element(f"{{{TYPES}}}MimeContent", CharacterSet="UTF-8")
        mime.text = b64encode(content).decode("ascii")
        node.insert(0, mime)
    return node


def _text(view: View) -> str:
    element, properties, shape = view.item.element, view.item.properties, view.shape
    pieces = [f"<t:{element}>"]
    for name in shape.ways.get(element) or _way(shape, element):
        maker = COMPUTED.get(name)
        if maker is not None:
            pieces.append(maker(view))
        elif name in properties:
            pieces.append(stored(properties, name))
        elif name == "ExtendedProperty":
            pieces += [extended_property(view, *asked) for asked in shape.extended]
        elif (standing := STANDING.get(name)) is not None:
            pieces.append(standing)
    pieces.append(f"</t:{element}>")
    return "".join(pieces)


def _way(shape: Shape, element: str) -> tuple[str, ...]:
    """The names that this shape shows of that element, in order; remembered by the shape."""
    way = _ordered(shape, element)
    shape.ways[element] = way
    return way


@lru_cache(maxsize=256)
def _ordered(shape: Shape, element: str) -> tuple[str, ...]:
    names = _IDS | shape.names | {DICTIONARIES.get(uri, "") for uri, _ in shape.indexed}
    if shape.base == "AllProperties":
        names |= frozenset(ORDER[element]) - _ASKED
    elif shape.base == "Default":
        names |= DEFAULTS[element]
    if shape.listing:
        names -= _UNLISTED
    names -= {"MimeContent"}  # `render_view` puts it in
    if shape.extended:
        names |= {"ExtendedProperty"}
    places = rank(element)
    return tuple(sorted((name for name in names if name in places), key=places.__getitem__))
