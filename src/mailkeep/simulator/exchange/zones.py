"""The time zones a Windows server knows, by Microsoft's names, and the IANA zone each stands for.

Source: Unicode CLDR's windowsZones (territory 001). The display names are those of an English Windows.
"""

from __future__ import annotations

from functools import cache
from typing import NamedTuple
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError


class WindowsZone(NamedTuple):
    id: str
    name: str
    iana: str


ZONES: tuple[WindowsZone, ...] = tuple(
    WindowsZone(*line.split("|"))
    for line in """\
Dateline Standard Time|(UTC-12:00) International Date Line West|Etc/GMT+12
UTC-11|(UTC-11:00) Coordinated Universal Time-11|Etc/GMT+11
Hawaiian Standard Time|(UTC-10:00) Hawaii|Pacific/Honolulu
Alaskan Standard Time|(UTC-09:00) Alaska|America/Anchorage
Pacific Standard Time|(UTC-08:00) Pacific Time (US & Canada)|America/Los_Angeles
US Mountain Standard Time|(UTC-07:00) Arizona|America/Phoenix
Mountain Standard Time|(UTC-07:00) Mountain Time (US & Canada)|America/Denver
Central America Standard Time|(UTC-06:00) Central America|America/Guatemala
Central Standard Time|(UTC-06:00) Central Time (US & Canada)|America/Chicago
Central Standard Time (Mexico)|(UTC-06:00) Guadalajara, Mexico City, Monterrey|America/Mexico_City
Canada Central Standard Time|(UTC-06:00) Saskatchewan|America/Regina
SA Pacific Standard Time|(UTC-05:00) Bogota, Lima, Quito, Rio Branco|America/Bogota
Eastern Standard Time|(UTC-05:00) Eastern Time (US & Canada)|America/New_York
Atlantic Standard Time|(UTC-04:00) Atlantic Time (Canada)|America/Halifax
SA Western Standard Time|(UTC-04:00) Georgetown, La Paz, Manaus, San Juan|America/La_Paz
Pacific SA Standard Time|(UTC-04:00) Santiago|America/Santiago
Newfoundland Standard Time|(UTC-03:30) Newfoundland|America/St_Johns
E. South America Standard Time|(UTC-03:00) Brasilia|America/Sao_Paulo
Argentina Standard Time|(UTC-03:00) City of Buenos Aires|America/Buenos_Aires
UTC-02|(UTC-02:00) Coordinated Universal Time-02|Etc/GMT+2
Azores Standard Time|(UTC-01:00) Azores|Atlantic/Azores
Cape Verde Standard Time|(UTC-01:00) Cabo Verde Is.|Atlantic/Cape_Verde
UTC|(UTC) Coordinated Universal Time|Etc/UTC
GMT Standard Time|(UTC+00:00) Dublin, Edinburgh, Lisbon, London|Europe/London
Greenwich Standard Time|(UTC+00:00) Monrovia, Reykjavik|Atlantic/Reykjavik
Morocco Standard Time|(UTC+01:00) Casablanca|Africa/Casablanca
W. Europe Standard Time|(UTC+01:00) Amsterdam, Berlin, Bern, Rome, Stockholm, Vienna|Europe/Berlin
Central Europe Standard Time|(UTC+01:00) Belgrade, Bratislava, Budapest, Ljubljana, Prague|Europe/Budapest
Romance Standard Time|(UTC+01:00) Brussels, Copenhagen, Madrid, Paris|Europe/Paris
Central European Standard Time|(UTC+01:00) Sarajevo, Skopje, Warsaw, Zagreb|Europe/Warsaw
W. Central Africa Standard Time|(UTC+01:00) West Central Africa|Africa/Lagos
GTB Standard Time|(UTC+02:00) Athens, Bucharest|Europe/Bucharest
Middle East Standard Time|(UTC+02:00) Beirut|Asia/Beirut
Egypt Standard Time|(UTC+02:00) Cairo|Africa/Cairo
E. Europe Standard Time|(UTC+02:00) Chisinau|Europe/Chisinau
South Africa Standard Time|(UTC+02:00) Harare, Pretoria|Africa/Johannesburg
FLE Standard Time|(UTC+02:00) Helsinki, Kyiv, Riga, Sofia, Tallinn, Vilnius|Europe/Kiev
Israel Standard Time|(UTC+02:00) Jerusalem|Asia/Jerusalem
Kaliningrad Standard Time|(UTC+02:00) Kaliningrad|Europe/Kaliningrad
Jordan Standard Time|(UTC+03:00) Amman|Asia/Amman
Arabic Standard Time|(UTC+03:00) Baghdad|Asia/Baghdad
Turkey Standard Time|(UTC+03:00) Istanbul|Europe/Istanbul
Arab Standard Time|(UTC+03:00) Kuwait, Riyadh|Asia/Riyadh
Belarus Standard Time|(UTC+03:00) Minsk|Europe/Minsk
Russian Standard Time|(UTC+03:00) Moscow, St. Petersburg|Europe/Moscow
E. Africa Standard Time|(UTC+03:00) Nairobi|Africa/Nairobi
Iran Standard Time|(UTC+03:30) Tehran|Asia/Tehran
Arabian Standard Time|(UTC+04:00) Abu Dhabi, Muscat|Asia/Dubai
Azerbaijan Standard Time|(UTC+04:00) Baku|Asia/Baku
Mauritius Standard Time|(UTC+04:00) Port Louis|Indian/Mauritius
Georgian Standard Time|(UTC+04:00) Tbilisi|Asia/Tbilisi
Caucasus Standard Time|(UTC+04:00) Yerevan|Asia/Yerevan
Afghanistan Standard Time|(UTC+04:30) Kabul|Asia/Kabul
West Asia Standard Time|(UTC+05:00) Ashgabat, Tashkent|Asia/Tashkent
Pakistan Standard Time|(UTC+05:00) Islamabad, Karachi|Asia/Karachi
India Standard Time|(UTC+05:30) Chennai, Kolkata, Mumbai, New Delhi|Asia/Calcutta
Sri Lanka Standard Time|(UTC+05:30) Sri Jayawardenepura|Asia/Colombo
Nepal Standard Time|(UTC+05:45) Kathmandu|Asia/Katmandu
Bangladesh Standard Time|(UTC+06:00) Dhaka|Asia/Dhaka
Myanmar Standard Time|(UTC+06:30) Yangon (Rangoon)|Asia/Rangoon
SE Asia Standard Time|(UTC+07:00) Bangkok, Hanoi, Jakarta|Asia/Bangkok
China Standard Time|(UTC+08:00) Beijing, Chongqing, Hong Kong, Urumqi|Asia/Shanghai
Singapore Standard Time|(UTC+08:00) Kuala Lumpur, Singapore|Asia/Singapore
W. Australia Standard Time|(UTC+08:00) Perth|Australia/Perth
Taipei Standard Time|(UTC+08:00) Taipei|Asia/Taipei
Tokyo Standard Time|(UTC+09:00) Osaka, Sapporo, Tokyo|Asia/Tokyo
Korea Standard Time|(UTC+09:00) Seoul|Asia/Seoul
Cen. Australia Standard Time|(UTC+09:30) Adelaide|Australia/Adelaide
AUS Central Standard Time|(UTC+09:30) Darwin|Australia/Darwin
E. Australia Standard Time|(UTC+10:00) Brisbane|Australia/Brisbane
AUS Eastern Standard Time|(UTC+10:00) Canberra, Melbourne, Sydney|Australia/Sydney
West Pacific Standard Time|(UTC+10:00) Guam, Port Moresby|Pacific/Port_Moresby
Central Pacific Standard Time|(UTC+11:00) Solomon Is., New Caledonia|Pacific/Guadalcanal
New Zealand Standard Time|(UTC+12:00) Auckland, Wellington|Pacific/Auckland
Fiji Standard Time|(UTC+12:00) Fiji|Pacific/Fiji
Tonga Standard Time|(UTC+13:00) Nuku'alofa|Pacific/Tongatapu
Line Islands Standard Time|(UTC+14:00) Kiritimati Island|Pacific/Kiritimati""".splitlines()
)

_BY_ID = {zone.id: zone for zone in ZONES}


def windows_zone(zone_id: str) -> WindowsZone | None:
    return _BY_ID.get(zone_id)


@cache
def zone_named(name: str) -> ZoneInfo | None:
    """By Windows' or IANA's name; None for one nobody knows."""
    known = _BY_ID.get(name)
    try:
        return ZoneInfo(known.iana if known else name) if name else None
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None
