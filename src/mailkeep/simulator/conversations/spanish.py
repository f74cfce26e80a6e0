"""Letters in Spanish."""

# ruff: noqa: SIM905  (texts, not code)

from __future__ import annotations

from mailkeep.simulator.conversations.pattern import Conversation, Language

DAYS = ("lunes", "martes", "miércoles", "jueves", "viernes")
MONTHS = tuple("enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre".split())
REGARDS = ("Un saludo", "Saludos cordiales", "Atentamente")

CONVERSATIONS = (
    Conversation(
        "Pedido {number}: plazo de entrega",
        (
            "Buenos días, {to}:\n\nen el pedido {number} figuran {count} carcasas para {product} con entrega en {month}. ¿Sería posible "
            "[adelantarla una semana|recibir la mitad antes]? El cliente de {project} nos aprieta.",
            "Buenos días, {to}:\n\npodemos enviar la mitad el {day} y el resto en la fecha prevista, sin coste adicional.",
            "¡Estupendo, muchas gracias! Quedamos así.",
        ),
        outside="us",
    ),
    Conversation(
        "Oferta {number} – {product}",
        (
            "Buenos días, {to}:\n\nadjunto nuestra oferta {number} por {count} unidades de {product}, por un total de {amount}, portes "
            "incluidos. [La oferta es válida durante 60 días.|La puesta en marcha está incluida.]",
            "Hola, {to}:\n\ngracias por la rapidez. ¿El certificado de calibración va incluido? Lo exige nuestro departamento de calidad.",
            "Hola, {to}:\n\nsí, va incluido con cada equipo, en papel y en PDF.",
        ),
        attachment="quotation",
        outside="us",
    ),
    Conversation(
        "{project}: lecturas de {month}",
        (
            "Hola, {to}:\n\nte adjunto las lecturas de {month}. Hay {count} sensores que no envían datos desde el {day}; [creo que es la "
            "pasarela de la sala de bombas|los demás van bien].",
            "Era la pasarela, en efecto: alguien la había desenchufado para limpiar. Ya está funcionando.",
        ),
        attachment="readings",
    ),
    Conversation(
        "Factura {number} duplicada",
        (
            "Buenas tardes:\n\nhemos recibido dos veces la factura {number}, por importe de {amount}. ¿Podrían anular una de ellas? [Adjunto "
            "la copia.|Adjuntamos la que nos llegó ayer.]",
            "Buenas tardes, {to}:\n\ndisculpe las molestias. La segunda queda anulada; le enviamos el abono esta misma tarde.",
        ),
        attachment="invoice",
        outside="them",
    ),
)

LANGUAGE = Language(CONVERSATIONS, DAYS, MONTHS, REGARDS)
