"""Everyday words in Spanish."""

from __future__ import annotations

from mailkeep.simulator.everyday.pattern import Everyday, Plan

EVERYDAY = Everyday(
    stand_up=Plan("Reunión rápida de {department}", "Quince minutos de pie: ayer, hoy, qué nos frena."),
    review=Plan(
        "Revisión mensual: {project}",
        "1. Avance respecto al plan\n2. Entregas de {product}\n3. Puntos abiertos con {customer}\n4. Decisiones",
    ),
    one_to_one=Plan("Reunión con {name}", "Primero tus temas."),
    meetings=(
        Plan("Visita de obra, {project}", "Nos vemos en la puerta. Hay cascos; el calzado lo trae cada uno."),
        Plan("Negociación con {customer}", "Nuestro mínimo está en la hoja de la oferta {number}."),
        Plan("Evaluación de proveedores", "Plazos, calidad, precio. Traed los datos de {month}."),
        Plan("Llamada con {customer}", "Sobre el caso {number} y lo que viene después."),
    ),
    whole_days=(
        ("Vacaciones", "OOF"),
        ("Feria, pabellón 7, puesto B12", "WorkingElsewhere"),
        ("Teletrabajo", "WorkingElsewhere"),
        ("Inventario", "Busy"),
        ("Puente, oficina cerrada", "Free"),
    ),
    private=(
        Plan("Dentista", "Llevar la tarjeta sanitaria."),
        Plan("Reunión del colegio", "Aula 2b."),
        Plan("Coche al taller", "El ruido de atrás a la izquierda."),
    ),
    birthday="Cumpleaños de {name}",
    moved="Cambiada solo esta vez, la sala estaba ocupada.",
    errands=(
        Plan("Responder a la reclamación {number} de {customer}", "Las fotos están en el tique."),
        Plan("Pedir muestras de {product}", "Doce piezas del lote nuevo, esta vez con certificados."),
        Plan("Comparar ofertas de transporte", "Tres, como manda el procedimiento."),
        Plan("Revisar el presupuesto de viajes", "¿Cabe todavía la visita a {customer}?"),
        Plan("Leer el borrador de contrato con {customer}", "Cláusulas 7 y 11."),
    ),
    weekly=Plan("Cifras de la semana", "Pedidos, entregas, reclamaciones abiertas. Antes del mediodía."),
    monthly=Plan("Entregar los gastos de viaje", "Recibos en PDF, uno por línea."),
    notes=(
        "Sala de reuniones\nPedir el código en recepción.\nEl proyector hay que encenderlo dos veces.",
        "Ideas para el boletín\n- la depuradora de Sevilla\n- cómo nace un contador",
        "Tren a casa\n17:12, 17:42, 18:12. Andén 4, no 3.",
        "Preguntar a {name}\n¿Quién firma por {project} mientras no estoy?",
    ),
    circles=("Clientes y proveedores", "Comida de los jueves"),
    accepted="Aceptada: ",
    tentative="Provisional: ",
    declined="Rechazada: ",
    cancelled="Cancelada: ",
    online_place="En línea",
    online="Unirse a la reunión en línea",
    board="Tablón de anuncios",
    posts=(
        Plan("Vendo bicicleta", "Tres marchas, dos frenos, un solo dueño."),
        Plan("La cafetera de la segunda planta", "Ya está reparada. Por favor, nada de leche de avena en el depósito."),
    ),
    agenda="Orden del día",
)
