"""What every view must show, the slow and obvious way: the state of the mailbox after each entry, kept whole."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass, field

from hypothesis import strategies as st

from mailkeep.archive.events import Event, Flagged, FolderGone, FolderPut, Moved, Put, Removed
from tests.catalog import world

FLAGS = st.frozensets(st.sampled_from(["seen", "flagged", "answered", "$work"]), max_size=3)


@dataclass
class Item:
    put: Put
    place: int
    server_id: str
    flags: frozenset[str]
    began: int  # entry in which its content and place became these
    put_in: int  # entry in which its content became this


@dataclass
class State:
    folders: dict[int, str] = field(default_factory=dict)  # number → name
    items: dict[int, Item] = field(default_factory=dict)
    complete: bool = True


@dataclass
class Model:
    """`states[n]` is the mailbox after entry n; `ever` the last archived form of every item."""

    states: list[State] = field(default_factory=lambda: [State()])
    ever: dict[int, Item] = field(default_factory=dict)
    names: dict[int, str] = field(default_factory=dict)  # every folder's last name

    @property
    def last(self) -> State:
        return self.states[-1]

    def write(self, events: Sequence[Event], names: dict[int, str], complete: bool) -> None:
        state, number = copy.deepcopy(self.last), len(self.states)
        state.complete = complete
        for event in events:
            self._one(state, number, event, names)
        for item in state.items.values():
            self._keep(item)
        self.states.append(state)

    def _one(self, state: State, number: int, event: Event, names: dict[int, str]) -> None:
        match event:
            case FolderPut():
                state.folders[event.folder] = self.names[event.folder] = names[event.folder]
            case FolderGone():
                del state.folders[event.folder]
            case Put():
                state.items[event.item] = Item(event, event.folder, event.server_id, event.flags, number, number)
            case Moved():
                item = state.items[event.item]
                item.place, item.server_id, item.began = event.folder, event.server_id, number
            case Flagged():
                state.items[event.item].flags = event.flags
            case Removed():
                item = state.items.pop(event.item)
                if item.put_in == number:  # else its last form is the one it had before this entry
                    self._keep(item)

    def _keep(self, item: Item) -> None:
        if not item.put.left_out:
            self.ever[item.put.item] = copy.copy(item)


class Draw:
    """Draws entries whose events fit the state they meet."""

    def __init__(self, data: st.DataObject) -> None:
        self.data = data
        self.next_item = self.next_folder = 1

    def entry(self, state: State) -> tuple[list[Event], dict[int, str]]:
        state, events, names = copy.deepcopy(state), [], {}
        for _ in range(self.data.draw(st.integers(1, 6), label="events")):
            event = self._event(state)
            if isinstance(event, FolderPut):
                names[event.folder] = state.folders[event.folder]
            events.append(event)
        return events, names

    def _event(self, state: State) -> Event:
        kinds = ["folder"]
        if state.folders:
            kinds += ["put", "put", "put"]
        if state.items:
            kinds += ["version", "move", "flag", "remove"]
        empty = set(state.folders) - {item.place for item in state.items.values()}
        if empty:
            kinds += ["folder gone"]
        match self.data.draw(st.sampled_from(kinds), label="kind"):
            case "folder":
                number = self.data.draw(st.sampled_from([*state.folders, 0]), label="folder")
                if number == 0:
                    number, self.next_folder = self.next_folder, self.next_folder + 1
                state.folders[number] = self.data.draw(st.sampled_from("ABC"), label="name")
                return FolderPut(number, bytes(32))
            case "folder gone":
                number = self.data.draw(st.sampled_from(sorted(empty)))
                del state.folders[number]
                return FolderGone(number)
            case "put":
                item, self.next_item = self.next_item, self.next_item + 1
                return self._put(state, item, 1)
            case "version":
                item = self._item(state)
                return self._put(state, item, int(state.items[item].put.version) + 1)
            case "move":
                item, place = self._item(state), self._folder(state)
                state.items[item].place = place
                return Moved(item, place, f"8.{self.data.draw(st.integers(0, 999)):03d}{item:010d}")
            case "flag":
                return Flagged(self._item(state), self.data.draw(FLAGS))
            case _:
                item = self._item(state)
                del state.items[item]
                return Removed(item)

    def _put(self, state: State, item: int, version: int) -> Put:
        left_out = self.data.draw(st.sampled_from(["", "", "", "class", "sensitive"]), label="left out")
        put = world.put(item, self._folder(state), version=version, left_out=left_out, flags=self.data.draw(FLAGS))
        state.items[item] = Item(put, put.folder, put.server_id, put.flags, 0, 0)
        return put

    def _item(self, state: State) -> int:
        return int(self.data.draw(st.sampled_from(sorted(state.items)), label="item"))

    def _folder(self, state: State) -> int:
        return int(self.data.draw(st.sampled_from(sorted(state.folders)), label="folder"))
