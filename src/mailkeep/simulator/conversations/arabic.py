"""Letters in Arabic, written from right to left."""

# ruff: noqa: SIM905  (texts, not code)

from __future__ import annotations

from mailkeep.simulator.conversations.pattern import Conversation, Language

DAYS = ("الاثنين", "الثلاثاء", "الأربعاء", "الخميس", "الأحد")
MONTHS = tuple("يناير فبراير مارس أبريل مايو يونيو يوليو أغسطس سبتمبر أكتوبر نوفمبر ديسمبر".split())
REGARDS = ("مع أطيب التحيات", "وتفضلوا بقبول فائق الاحترام", "شكراً لكم")

CONVERSATIONS = (
    Conversation(
        "عرض سعر رقم {number} – {product}",
        (
            "السلام عليكم {to}،\n\nبناءً على اجتماعنا يوم {day}، نرفق لكم عرض السعر رقم {number} لعدد {count} من أجهزة {product} "
            "بقيمة إجمالية {amount}.\n\n[مدة التسليم ستة أسابيع.|العرض ساري لمدة ستين يوماً.]",
            "وعليكم السلام {to}،\n\nشكراً على العرض. هل السعر يشمل التركيب والمعايرة؟ وهل يمكن التسليم على دفعتين؟",
            "نعم، التركيب والمعايرة مشمولان، والتسليم على دفعتين ممكن دون تكلفة إضافية.",
        ),
        attachment="quotation",
        outside="us",
    ),
    Conversation(
        "{project}: قراءات شهر {month}",
        (
            "مرحباً {to}،\n\nأرفق لكم قراءات شهر {month}. يوجد {count} عدادات لم ترسل بيانات منذ يوم {day}. [نرجو التحقق من البوابة في "
            "غرفة المضخات.|نعتقد أن السبب انقطاع الكهرباء.]",
            "مرحباً {to}،\n\nتم التحقق وإعادة تشغيل البوابة، والبيانات تصل الآن بشكل طبيعي. شكراً لتنبيهكم.",
        ),
        attachment="readings",
        outside="us",
    ),
    Conversation(
        "زيارة الموقع يوم {day}",
        (
            "السلام عليكم {to}،\n\nنود زيارة الموقع يوم {day} الساعة التاسعة صباحاً مع مهندسين اثنين. [نرجو تجهيز تصاريح الدخول.|هل "
            "الوقت مناسب لكم؟]",
            "وعليكم السلام، أهلاً وسهلاً بكم. التصاريح ستكون جاهزة عند البوابة الرئيسية.",
        ),
        outside="us",
    ),
)

LANGUAGE = Language(CONVERSATIONS, DAYS, MONTHS, REGARDS)
