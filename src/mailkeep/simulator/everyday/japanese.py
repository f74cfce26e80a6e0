"""Everyday words in Japanese."""

from __future__ import annotations

from mailkeep.simulator.everyday.pattern import Everyday, Plan

EVERYDAY = Everyday(
    stand_up=Plan("朝会({department})", "15分間。昨日の進捗、本日の予定、困っていること。"),
    review=Plan(
        "月次報告会:{project}",
        "1. 計画に対する進捗\n2. {product}の納入状況\n3. {customer}様との未解決事項\n4. 決定事項",
    ),
    one_to_one=Plan("1on1({name})", "まずはお話ししたいことからどうぞ。"),
    meetings=(
        Plan("現地調査:{project}", "正門に集合。ヘルメットは現地にあります。安全靴をご持参ください。"),
        Plan("{customer}様 価格打ち合わせ", "見積番号 {number} の別紙をご確認ください。"),
        Plan("{product} 技術説明会", "筐体、シール、低温起動について。資料は共有フォルダーにあります。"),
        Plan("{customer}様 お電話", "案件 {number} の件。"),
    ),
    whole_days=(
        ("有給休暇", "OOF"),
        ("展示会(7号館 B12)", "WorkingElsewhere"),
        ("在宅勤務", "WorkingElsewhere"),
        ("棚卸し", "Busy"),
    ),
    private=(
        Plan("歯医者", "保険証を忘れずに。"),
        Plan("授業参観", "2年2組。"),
        Plan("車検", "後ろ左側の異音も見てもらう。"),
    ),
    birthday="{name}さん 誕生日",
    moved="会議室の都合により、今回のみ時間を変更いたします。",
    errands=(
        Plan("{customer}様のお問い合わせ {number} に回答", "写真は問い合わせ票に添付済み。"),
        Plan("{product}のサンプル手配", "新ロットから12台。校正証明書も依頼する。"),
        Plan("{month}の役員会資料作成", "5枚以内。"),
        Plan("{customer}様との契約書案を確認", "第7条と第11条。"),
    ),
    weekly=Plan("週報提出", "受注、納入、未解決のクレーム。正午まで。"),
    monthly=Plan("出張旅費の精算", "領収書はPDFで1件ずつ。"),
    notes=(
        "会議室\n暗証番号は受付で確認。\nプロジェクターは2回電源を入れる。",
        "ゲートウェイ 製造番号\nVM3-20417\nVM3-20418\nVM3-20455(予備)",
        "帰りの電車\n17:12、17:42、18:12。4番線。",
        "{name}さんに確認\n不在中、{project}の承認は誰が?",
    ),
    circles=("お客様・仕入先", "ランチ会"),
    accepted="承諾: ",
    tentative="仮の予定: ",
    declined="辞退: ",
    cancelled="キャンセル: ",
    online_place="オンライン",
    online="オンライン会議に参加する",
    board="掲示板",
    posts=(
        Plan("自転車を譲ります", "3段変速、ブレーキ良好。お昼休みにお声がけください。"),
        Plan("2階のコーヒーマシン", "修理から戻りました。タンクにオーツミルクを入れないでください。"),
    ),
    agenda="議事次第",
)
