// Enhancement only: keys, a lease clock, focus. Every act on these pages is a form or a link that works without this file.
"use strict";
(() => {
  const typing = (target) =>
    target instanceof Element &&
    (target.closest("textarea, select, [contenteditable]") ||
      (target instanceof HTMLInputElement && !["radio", "checkbox", "submit", "button"].includes(target.type)));

  // Which item the keys h and r act on: the one that has focus, else the first one.
  const item = () => document.activeElement?.closest("[data-item]") ?? document.querySelector("[data-item]");

  const press = (key, root) => {
    const control = root?.querySelector(`[data-key="${CSS.escape(key)}"]`);
    if (!control || control.disabled) return false;
    control.focus();
    control.click();
    return true;
  };

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing || typing(event.target)) return;
    const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
    if (/^[1-9]$/.test(key) && number(Number(key))) return event.preventDefault();
    if (key === "Enter" && answer(event)) return event.preventDefault();
    if (key === "j" || key === "k") {
      if (step(key === "j" ? 1 : -1)) event.preventDefault();
      return;
    }
    if (["h", "r"].includes(key) && press(key, item())) return event.preventDefault();
    if (["?", "b", "n", "o", "t", "a", "s", "x"].includes(key) && press(key, document)) event.preventDefault();
  });

  // The n-th answer of a question.
  const number = (n) => {
    const choices = document.querySelectorAll("[data-answers] input[name=answer]");
    const choice = choices[n - 1];
    if (!choice) return false;
    choice.focus();
    choice.click();
    return true;
  };

  // Enter sends the question's form when a choice has focus or nothing has.
  const answer = (event) => {
    const form = document.querySelector("form[data-answers]");
    const onChoice = event.target instanceof HTMLInputElement && event.target.form === form;
    if (!form || !(onChoice || event.target === document.body || event.target.id === "main")) return false;
    form.requestSubmit();
    return true;
  };

  // Move between rows and items.
  const step = (by) => {
    const rows = [...document.querySelectorAll("[data-row]")];
    if (!rows.length) return false;
    const at = rows.indexOf(document.activeElement?.closest("[data-row]"));
    const next = rows[Math.min(rows.length - 1, Math.max(0, at + by))];
    (next.matches("a, [tabindex]") ? next : next.querySelector("a, button")).focus();
    return true;
  };

  // The lease clock counts down in minutes and seconds; the server alone decides when it is over.
  const clock = () => {
    const now = Date.now();
    for (const node of document.querySelectorAll("[data-until]")) {
      const left = Math.max(0, Math.floor((Date.parse(node.dataset.until) - now) / 1000));
      node.textContent = `${Math.floor(left / 60)}:${String(left % 60).padStart(2, "0")}`;
      node.classList.toggle("running-out", left < 120);
    }
  };
  if (document.querySelector("[data-until]")) {
    clock();
    setInterval(clock, 1000);
  }

  // A page that came back from the browser's memory is asked for again: it may show what is no longer ours to see.
  addEventListener("pageshow", (event) => event.persisted && location.reload());
  // A hidden tab shows no evidence.
  addEventListener("visibilitychange", () => document.body.classList.toggle("away", document.hidden));
})();
