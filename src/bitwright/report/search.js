"use strict";
(() => {
  const all = (selector, within = document) => [...within.querySelectorAll(selector)];

  // A column's title becomes a button that sorts by it; unknown values stay at the end.
  for (const table of all("table.sortable")) {
    const body = table.tBodies[0];
    const keyOf = (row, at) => row.cells[at].dataset.key;
    all("thead th", table).forEach((head, at) => {
      const button = Object.assign(document.createElement("button"), { type: "button", textContent: head.textContent });
      head.replaceChildren(button);
      button.addEventListener("click", () => {
        const isUp = head.getAttribute("aria-sort") !== "ascending";
        all("thead th", table).forEach((other) => other.setAttribute("aria-sort", "none"));
        head.setAttribute("aria-sort", isUp ? "ascending" : "descending");
        const compare = (a, b) => {
          const [x, y] = [keyOf(a, at), keyOf(b, at)];
          if (x === "" || y === "") return (x === "") - (y === "");
          const difference = Number.isNaN(Number(x)) || Number.isNaN(Number(y)) ? x.localeCompare(y) : Number(x) - Number(y);
          return isUp ? difference : -difference;
        };
        body.append(...[...body.rows].sort(compare));
      });
    });
  }

  // Details of a mark: the browser's own title without script, a table of them with it.
  const tip = document.getElementById("tip");
  const place = (event) => {
    const { width, height } = tip.getBoundingClientRect();
    tip.style.left = `${Math.max(8, Math.min(event.clientX + 16, innerWidth - width - 12))}px`;
    tip.style.top = `${Math.max(8, Math.min(event.clientY + 16, innerHeight - height - 12))}px`;
  };
  for (const mark of all(".mark-of")) {
    const title = mark.querySelector("title");
    const [name, ...lines] = title.textContent.split("\n");
    title.remove();
    mark.setAttribute("aria-label", [name, ...lines].join(", "));
    mark.addEventListener("pointerenter", (event) => {
      const head = Object.assign(document.createElement("b"), { textContent: name });
      const rows = lines.map((line) => {
        const row = document.createElement("div"), at = line.indexOf(": ");
        const parts = at < 0 ? [line] : [line.slice(0, at), line.slice(at + 2)];
        row.append(...parts.map((part) => Object.assign(document.createElement("span"), { textContent: part })));
        return row;
      });
      tip.replaceChildren(head, ...rows);
      tip.hidden = false;
      place(event);
    });
    mark.addEventListener("pointermove", place);
    mark.addEventListener("pointerleave", () => { tip.hidden = true; });
  }
})();
