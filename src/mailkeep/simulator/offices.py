"""Where the made-up house works: its offices with their time zones and telephones, and the rooms one can book."""

from __future__ import annotations

from dataclasses import dataclass
from zoneinfo import ZoneInfo


@dataclass(frozen=True, slots=True)
class Office:
    """`zone`: IANA. `windows_zone`: Exchange's name of it. `phone`: a pattern of the extension's two digits."""

    city: str
    country: str
    street: str
    postcode: str
    zone: str
    windows_zone: str
    phone: str

    @property
    def clock(self) -> ZoneInfo:
        return ZoneInfo(self.zone)


OFFICES: dict[str, Office] = {
    office.city: office
    for office in (
        Office("Bergen", "Norway", "Damsgårdsveien 12", "5058", "Europe/Oslo", "W. Europe Standard Time", "+47 55 00 12 {}"),
        Office("Augsburg", "Germany", "Lechhauser Straße 8", "86153", "Europe/Berlin", "W. Europe Standard Time", "+49 821 00 12 {}"),
        Office("Lyon", "France", "Quai Perrache 31", "69002", "Europe/Paris", "Romance Standard Time", "+33 4 72 00 12 {}"),
        Office("Sevilla", "Spain", "Calle Torneo 40", "41002", "Europe/Madrid", "Romance Standard Time", "+34 95 000 12 {}"),
        Office("Leeds", "United Kingdom", "Wharf Street 5", "LS2 7EQ", "Europe/London", "GMT Standard Time", "+44 113 000 12{}"),
        Office("Dublin", "Ireland", "Fenian Street 17", "D02 X9", "Europe/Dublin", "GMT Standard Time", "+353 1 000 12{}"),
        Office("Lviv", "Ukraine", "вул. Городоцька 174", "79022", "Europe/Kyiv", "FLE Standard Time", "+380 32 000 12 {}"),
        Office("Osaka", "Japan", "北区中之島 3-2", "530-0005", "Asia/Tokyo", "Tokyo Standard Time", "+81 6 0000 12{}"),
        Office("Dubai", "United Arab Emirates", "Creek Road 22", "00000", "Asia/Dubai", "Arabian Standard Time", "+971 4 000 12{}"),
        Office("Haifa", "Israel", "שדרות הנשיא 9", "3463401", "Asia/Jerusalem", "Israel Standard Time", "+972 4 000 12{}"),
    )
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Room:
    """A meeting room with a mailbox of its own. `local`: of its address."""

    local: str
    name: str
    city: str


ROOMS: tuple[Room, ...] = (
    Room("room.fjord", "Room Fjord (Bergen, 8)", "Bergen"),
    Room("room.lech", "Besprechung Lech (Augsburg, 10)", "Augsburg"),
    Room("room.rhone", "Salle Rhône (Lyon, 6)", "Lyon"),
    Room("room.aire", "Room Aire (Leeds, 12)", "Leeds"),
)


def rooms_in(city: str) -> list[Room]:
    return [room for room in ROOMS if room.city == city]
