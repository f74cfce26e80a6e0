"""Letters in Japanese."""

# ruff: noqa: SIM905  (texts, not code)

from __future__ import annotations

from mailkeep.simulator.conversations.pattern import Conversation, Language

DAYS = ("月曜日", "火曜日", "水曜日", "木曜日", "金曜日")
MONTHS = tuple("1月 2月 3月 4月 5月 6月 7月 8月 9月 10月 11月 12月".split())
REGARDS = ("よろしくお願いいたします。", "何卒よろしくお願い申し上げます。")

CONVERSATIONS = (
    Conversation(
        "お見積り({number}){product}",
        (
            "{to}様\n\nいつも大変お世話になっております。\n先日お問い合わせいただきました{product}、{count}台分のお見積書(番号 {number})を"
            "添付いたします。合計金額は{amount}でございます。\n\n[納期は約6週間を予定しております。|ご不明な点がございましたら、お気軽にお知らせください。]",
            "{to}様\n\nお世話になっております。\nお見積りありがとうございます。社内で確認のうえ、{day}までにご連絡いたします。\n"
            "校正証明書は含まれておりますでしょうか。",
            "{to}様\n\nはい、校正証明書は全台分含まれております。ご検討のほどお願いいたします。",
        ),
        attachment="quotation",
        outside="us",
    ),
    Conversation(
        "{project} {month}の検針データ",
        (
            "{to}様\n\nお疲れ様です。\n{month}の検針データを添付いたします。{count}台のうち1台だけ、{day}の夜から値が止まっております。"
            "[現地で確認をお願いできますでしょうか。|ゲートウェイの電源が原因かと思われます。]",
            "{to}様\n\nお世話になっております。確認したところ、清掃の際に電源が抜けておりました。復旧済みです。ご連絡ありがとうございました。",
        ),
        attachment="readings",
        outside="us",
    ),
    Conversation(
        "{day}の打ち合わせについて",
        (
            "{to}様\n\nお世話になっております。\n{day}の打ち合わせですが、議事次第を添付いたします。[開始時刻は10時でよろしいでしょうか。|"
            "会場は本社3階の会議室です。]",
            "{to}様\n\n承知いたしました。当日は3名で伺います。",
        ),
        attachment="minutes",
        outside="them",
    ),
)

LANGUAGE = Language(CONVERSATIONS, DAYS, MONTHS, REGARDS)
