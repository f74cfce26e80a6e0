// What the console does beyond links and forms. Every page works without it; nothing here builds markup.

"use strict";

const remember = (name, value) => {
  document.cookie = `${name}=${encodeURIComponent(value)}; path=/; max-age=31536000; samesite=lax`;
};

// The person's own time zone, for the server to show times in. Read on the next page.
remember("zone", Intl.DateTimeFormat().resolvedOptions().timeZone || "UTC");

const THEMES = ["system", "light", "dark"];
const click = {
  "[data-theme-next]": () => {
    const root = document.documentElement;
    const next = THEMES[(THEMES.indexOf(root.dataset.theme) + 1) % THEMES.length];
    root.dataset.theme = next;
    remember("theme", next);
    announce(document.querySelector("[data-theme-next]").dataset[next]);
  },
  "[data-menu]": (button) => {
    const open = document.body.classList.toggle("nav-open");
    button.setAttribute("aria-expanded", String(open));
    if (open) document.querySelector(".side a").focus();
  },
  "[data-opens]": (button) => document.getElementById(button.dataset.opens).showModal(),
  "[data-closes]": (button) => button.closest("dialog").close(),
  "[data-copies]": async (button) => {
    await navigator.clipboard.writeText(document.getElementById(button.dataset.copies).textContent.trim());
    announce(button.dataset.said);
  },
};

const announce = (text) => {
  document.getElementById("announcer").textContent = text;
};

document.addEventListener("click", (event) => {
  for (const [selector, act] of Object.entries(click)) {
    const button = event.target.closest(selector);
    if (button) return act(button);
  }
  if (document.body.classList.contains("nav-open") && !event.target.closest(".side")) closeMenu();
});

const closeMenu = () => {
  document.body.classList.remove("nav-open");
  document.querySelector("[data-menu]").setAttribute("aria-expanded", "false");
};

// A status shows its details on hover, on focus and on click: the popover opens below its button and stays on the screen.
const place = (button, pop) => {
  const at = button.getBoundingClientRect();
  const left = Math.max(12, Math.min(at.left, innerWidth - pop.offsetWidth - 12));
  const below = at.bottom + 6;
  const top = below + pop.offsetHeight > innerHeight ? Math.max(8, at.top - pop.offsetHeight - 6) : below;
  pop.style.left = `${left}px`;
  pop.style.top = `${top}px`;
};
const show = (button) => {
  const pop = document.getElementById(button.getAttribute("popovertarget"));
  if (!pop.matches(":popover-open")) pop.showPopover();
  place(button, pop);
};
let leaving = 0;
document.addEventListener("pointerover", (event) => {
  if (event.pointerType !== "mouse") return;
  const button = event.target.closest("button.status");
  if (button) {
    clearTimeout(leaving);
    show(button);
  } else if (event.target.closest(".pop")) {
    clearTimeout(leaving);
  } else {
    clearTimeout(leaving);
    leaving = setTimeout(() => document.querySelector(".pop:popover-open")?.hidePopover(), 250);
  }
});
document.addEventListener("focusin", (event) => {
  const button = event.target.closest("button.status");
  if (button && button.matches(":focus-visible")) show(button);
});
document.addEventListener("toggle", (event) => {
  if (event.newState !== "open" || !event.target.matches(".pop")) return;
  place(document.querySelector(`[popovertarget="${event.target.id}"]`), event.target);
}, true);

// Keys: / search, j and k rows, Escape closes the menu. Never while typing.
const step = (by) => {
  const rows = [...document.querySelectorAll("[data-row]")];
  const now = rows.indexOf(document.activeElement);
  rows[Math.max(0, Math.min(rows.length - 1, now + by))]?.focus();
};
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape") closeMenu();
  if (event.target.matches("input, textarea, select") || event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key === "/") {
    const field = document.querySelector("input[type=search]");
    if (field) { event.preventDefault(); field.focus(); }
  }
  if (event.key === "j") step(1);
  if (event.key === "k") step(-1);
});

// Live rows: asked for again every three seconds, only while something runs, the tab is seen and no details are open.
setInterval(() => {
  const live = document.querySelector("[data-live]");
  if (!live || document.visibilityState !== "visible" || document.querySelector(".pop:popover-open, dialog[open]")) return;
  htmx.trigger(live.closest("[hx-trigger]"), "poll");
}, 3000);

// What is asked for is what the address says now: text, chip, order, page.
document.addEventListener("htmx:config:request", (event) => {
  const { sourceElement, request } = event.detail.ctx;
  if (sourceElement.id === "rows") request.action = location.pathname + location.search;
});

// In the list of letters the opened one is marked, and its pane starts at the top.
document.addEventListener("htmx:after:swap", () => {
  const open = document.querySelector("#pane [data-item]")?.dataset.item;
  for (const letter of document.querySelectorAll(".letter")) {
    if (letter.dataset.letter === open) letter.setAttribute("aria-current", "true");
    else if (open) letter.removeAttribute("aria-current");
  }
});

// A refused letter is shown as the page that says why; where rows cannot be refreshed, what was last known stays, and is called so.
const lost = (event) => {
  const context = event.detail?.ctx;
  if (context?.target?.id === "pane" && context.response) return location.assign(context.request.action);
  announce(document.body.dataset.lost);
  document.getElementById("announcer").classList.replace("unseen", "stale");
};
document.addEventListener("htmx:error", lost);
document.addEventListener("htmx:response:error", lost);
document.addEventListener("htmx:after:request", (event) => {
  const announcer = document.getElementById("announcer");
  if (event.detail.ctx.response.status < 400 && announcer.classList.replace("stale", "unseen")) announcer.textContent = "";
});
