"use strict";
(() => {
  const root = document.documentElement;
  const all = (selector) => [...document.querySelectorAll(selector)];
  const say = (text) => { document.getElementById("status").textContent = text; };
  const remember = (value) => { try { localStorage.setItem("bitwright-theme", value); } catch { /* private mode */ } };
  const remembered = () => { try { return localStorage.getItem("bitwright-theme"); } catch { return null; } };

  const theme = document.getElementById("theme");
  const isDark = () => (root.dataset.theme || (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light")) === "dark";
  const show = () => { theme.textContent = isDark() ? "Light" : "Dark"; theme.setAttribute("aria-label", `Switch to ${theme.textContent.toLowerCase()} colors`); };
  const wanted = new URLSearchParams(location.search).get("theme") || remembered();
  if (wanted === "dark" || wanted === "light") root.dataset.theme = wanted;
  theme.addEventListener("click", () => { root.dataset.theme = isDark() ? "light" : "dark"; remember(root.dataset.theme); show(); });
  show();

  const copy = async (text) => {
    if (navigator.clipboard) return navigator.clipboard.writeText(text);
    const area = Object.assign(document.createElement("textarea"), { value: text });
    document.body.append(area); area.select(); document.execCommand("copy"); area.remove();
  };
  for (const button of all(".copy")) {
    button.addEventListener("click", async () => {
      try { await copy(button.previousElementSibling.textContent); button.textContent = "Copied"; say("Copied"); }
      catch { button.textContent = "Select and copy"; }
      setTimeout(() => { button.textContent = "Copy"; }, 1600);
    });
  }

  const record = document.getElementById("record").textContent;
  document.getElementById("save").addEventListener("click", () => {
    const url = URL.createObjectURL(new Blob([record], { type: "application/json" }));
    Object.assign(document.createElement("a"), { href: url, download: "report.json" }).click();
    setTimeout(() => URL.revokeObjectURL(url), 1000);
  });

  // Pointing at a layer in one figure shows it in all the others.
  const rows = all("[data-layer]");
  for (const row of rows) {
    const mark = (on) => rows.forEach((other) => other.classList.toggle("lit", on && other.dataset.layer === row.dataset.layer));
    row.addEventListener("pointerenter", () => mark(true));
    row.addEventListener("pointerleave", () => mark(false));
  }

  const opened = [];
  addEventListener("beforeprint", () => all("details:not([open])").forEach((item) => { item.open = true; opened.push(item); }));
  addEventListener("afterprint", () => opened.splice(0).forEach((item) => { item.open = false; }));

  all("button[hidden]").forEach((button) => { button.hidden = false; });
  root.dataset.ready = JSON.parse(record).title;
})();
