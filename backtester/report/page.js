"use strict";
const valueOf = (cell) => {
  if (cell.dataset.order !== undefined) return Number(cell.dataset.order);
  const text = cell.textContent.trim();
  const number = /^[-+]?[\d,]+(\.\d+)?%?$/.test(text) ? Number(text.replace(/[,%+]/g, "")) : NaN;
  return Number.isNaN(number) ? text : number;
};
const compare = (one, other) => (one < other ? -1 : one > other ? 1 : 0);
for (const heading of document.querySelectorAll(".sortable th[scope=col]")) {
  heading.querySelector("button").addEventListener("click", () => {
    const rises = heading.getAttribute("aria-sort") !== "ascending";
    const body = heading.closest("table").tBodies[0];
    const place = heading.cellIndex;
    const keyed = [...body.rows].map((row) => [valueOf(row.cells[place]), row]);
    keyed.sort(([one], [other]) => (rises ? 1 : -1) * compare(one, other));
    body.append(...keyed.map(([, row]) => row));
    for (const each of heading.parentElement.cells) each.removeAttribute("aria-sort");
    heading.setAttribute("aria-sort", rises ? "ascending" : "descending");
  });
}
// A finger on a chart must scroll the page; the tools are still there to be tapped.
const freeFingers = () => {
  for (const drawn of Bokeh.documents)
    for (const model of drawn.all_models)
      if (["BoxZoomTool", "WheelZoomTool", "PanTool"].includes(model.type)) model.active = false;
};
if (matchMedia("(pointer: coarse)").matches) addEventListener("load", () => setTimeout(freeFingers, 500));
// A narrow chart has no room for this among its tools.
document.getElementById("unzoom").addEventListener("click", () => {
  for (const drawn of Bokeh.documents)
    for (const model of drawn.all_models) if (model.type === "Range1d") model.reset();
});
addEventListener("beforeprint", () => {
  for (const folded of document.querySelectorAll("details:not(:has(figure))")) folded.open = true;
});
