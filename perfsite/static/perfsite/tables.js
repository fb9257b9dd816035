/* A picture's numbers as a table. */

import { write } from "./units.js";

function cell(name, text, scope) {
  const made = document.createElement(name);
  made.textContent = text;
  if (scope) made.scope = scope;
  return made;
}

function row(...cells) {
  const made = document.createElement("tr");
  made.append(...cells);
  return made;
}

export function build(picture) {
  const table = document.createElement("table");
  const head = table.createTHead();
  const titles = [picture.across.label, ...picture.series.map(({ label }) => label)];
  head.append(row(...titles.map((title) => cell("th", title, "col"))));
  const body = table.createTBody();
  picture.places.forEach((at, place) => {
    const values = picture.series.map(({ values, right }) =>
      cell("td", write(values[place], (right ? picture.up_right : picture.up).unit)),
    );
    body.append(row(cell("th", write(at, picture.across.unit), "row"), ...values));
  });
  return table;
}
