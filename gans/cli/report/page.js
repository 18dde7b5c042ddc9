"use strict";
// Draws the curves and the pictures of the page out of the JSON in it. Texts go in as texts, never as HTML.
const data = JSON.parse(document.getElementById("data").textContent);
const several = data.runs.length > 1;

const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();

// Plotly takes tags in its texts for bold letters, links and the like.
const plain = (text) => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;");

function element(tag, properties = {}, ...children) {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...children);
  return made;
}

// Curves -------------------------------------------------------------------------------------------------

// The exponential mean of a curve without the pull of its first value; gaps stay gaps.
function smoothed(values, share) {
  if (!share) return values;
  let mean = 0, weight = 0;
  return values.map((value) => {
    if (value === null) return null;
    mean = share * mean + (1 - share) * value;
    weight = share * weight + (1 - share);
    return mean / weight;
  });
}

function traces(chart, share) {
  const drawn = [];
  for (const line of chart.lines) {
    const paint = colour(`c${line.colour % 8}`);
    const few = line.points.x.length < 3;
    drawn.push({
      type: "scatter", mode: few ? "lines+markers" : "lines", name: plain(line.name), x: line.points.x,
      y: line.reference ? line.points.y : smoothed(line.points.y, share),
      line: { color: paint, width: line.reference ? 1.2 : line.strong || several ? 2.4 : 1.5,
              dash: line.reference ? "dash" : line.colour > 7 ? "dot" : "solid" },
      opacity: line.reference ? 0.75 : 1,
      hovertemplate: "%{y:.4g}",
    });
    if (line.best) {
      drawn.push({
        type: "scatter", mode: "markers", x: [line.best[0]], y: [line.best[1]],
        marker: { symbol: "star", size: 12, color: paint, line: { color: colour("card"), width: 1 } },
        showlegend: false, hovertemplate: "best %{y:.4g}<extra></extra>",
      });
    }
  }
  return drawn;
}

function layout(chart, logarithmic) {
  const axis = { gridcolor: colour("line"), linecolor: colour("line"), zeroline: false, automargin: true };
  const shown = chart.lines.length > 1 || (chart.lines.length === 1 && chart.lines[0].name !== chart.title);
  return {
    margin: { l: 8, r: 8, t: 8, b: 8 },
    paper_bgcolor: "transparent", plot_bgcolor: "transparent",
    font: { color: colour("ink"), family: getComputedStyle(document.body).fontFamily, size: 12 },
    xaxis: { ...axis, title: { text: "step", standoff: 4 }, rangemode: "tozero" },
    yaxis: { ...axis, tickformat: "~g", type: logarithmic ? "log" : "linear", rangemode: chart.group === "losses" ? "normal" : "tozero" },
    hovermode: "x unified", hoverlabel: { bgcolor: colour("card"), bordercolor: colour("line"), font: { color: colour("ink") } },
    showlegend: shown, legend: { orientation: "h", x: 0, y: 1, yanchor: "bottom", bgcolor: "transparent" },
    shapes: data.signs.map(([step]) => ({
      type: "line", xref: "x", yref: "paper", x0: step, x1: step, y0: 0, y1: 1, line: { color: colour("warn-line"), width: 1, dash: "dot" },
    })),
    annotations: data.signs.map(([step, name]) => ({
      x: step, yref: "paper", y: 1, yanchor: "top", xanchor: "left", text: plain(name), textangle: 90, showarrow: false,
      font: { size: 10, color: colour("warn-line") },
    })),
  };
}

// What a reader of screens is told of a chart.
function inWords(chart) {
  const told = chart.lines.map((line) => {
    const known = line.points.y.filter((value) => value !== null);
    const best = line.best ? `, best ${line.best[1].toPrecision(4)} at step ${line.best[0]}` : "";
    return known.length ? `${line.name}: first ${known[0]}, last ${known.at(-1)}${best}` : line.name;
  });
  return `${chart.title} by step. ${told.join("; ")}`;
}

function draw(place) {
  const chart = data.charts[Number(place.dataset.chart)];
  const section = place.closest("section");
  const share = Number(section.querySelector(".smooth")?.value ?? 0) / 100;
  const logarithmic = section.querySelector(".logarithmic").checked;
  place.setAttribute("aria-label", inWords(chart));
  Plotly.react(place, traces(chart, share), layout(chart, logarithmic), {
    responsive: true, displayModeBar: false, // one zooms by dragging, and back by a double click
  });
}

const visible = (place) => place.closest("details:not([open])") === null;

function drawAll(within = document) {
  [...within.querySelectorAll(".chart")].filter(visible).forEach(draw);
}

document.querySelectorAll(".switches input").forEach((input) =>
  input.addEventListener("input", () => drawAll(input.closest("section"))));
document.querySelectorAll("details").forEach((folded) => folded.addEventListener("toggle", () => drawAll(folded)));
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => drawAll());
drawAll();

// Pictures -----------------------------------------------------------------------------------------------

const moments = (album) => (album.length ? album : []);
const said = (moment) => (moment.label.startsWith("step") || !moment.step ? moment.label : `${moment.label}, step ${moment.step}`);

// One picture with a slider through its moments; `show` takes the name of the grid.
function makePane(album, first, heading, moved) {
  const image = element("img");
  const output = element("output");
  const missing = element("p", { textContent: "This run has no such picture at this step." });
  const slider = element("input", { type: "range", min: 0, max: album.length - 1, step: 1, value: first });
  const pane = {
    slider,
    name: "",
    step: () => album[Number(slider.value)].step,
    show(name = pane.name) {
      pane.name = name;
      const moment = album[Number(slider.value)];
      image.hidden = !(name in moment.pictures);
      missing.hidden = !image.hidden;
      image.src = moment.pictures[name] ?? "";
      image.alt = `samples/${name}, ${said(moment)}`;
      output.textContent = said(moment);
      slider.setAttribute("aria-valuetext", said(moment));
    },
  };
  slider.hidden = album.length < 2;
  slider.addEventListener("input", () => { pane.show(); moved(pane); });
  const label = element("label", {}, heading, output, slider);
  pane.place = element("div", { className: "pane" }, label, image, missing);
  return pane;
}

// The moment nearest to a step, of another run.
function nearest(album, step) {
  let best = 0;
  album.forEach((moment, i) => { if (Math.abs(moment.step - step) < Math.abs(album[best].step - step)) best = i; });
  return best;
}

function makePanes(place) {
  const albums = data.albums.map((album, run) => ({ album: moments(album), run })).filter(({ album }) => album.length);
  const names = [...new Set(albums.flatMap(({ album }) => album.flatMap((moment) => Object.keys(moment.pictures))))];
  const together = element("input", { type: "checkbox", checked: several });
  const panes = [];
  const follow = (moved) => {
    if (!together.checked) return;
    for (const { pane, album } of panes) {
      if (pane !== moved) { pane.slider.value = nearest(album, moved.step()); pane.show(); }
    }
  };
  const add = (album, first, heading) => panes.push({ album, pane: makePane(album, first, heading, follow) });
  for (const { album, run } of albums) {
    if (several) {
      const chip = element("span", { className: `chip c${run % 8}` });
      add(album, album.length - 1, element("span", {}, chip, data.runs[run], element("br")));
    } else {
      if (album.length > 1) add(album, 0, "");
      add(album, album.length - 1, "");
    }
  }
  const show = (name) => panes.forEach(({ pane }) => pane.show(name));
  const choice = element("fieldset", { className: "names", ariaLabel: "which pictures" });
  names.forEach((name, i) => {
    const radio = element("input", { type: "radio", name: "grid", checked: i === 0 });
    radio.addEventListener("change", () => show(name));
    choice.append(element("label", {}, radio, ` samples/${name}`));
  });
  if (panes.length > 1) choice.append(element("label", {}, together, " move together"));
  place.append(choice, element("div", { className: "panes" }, ...panes.map(({ pane }) => pane.place)));
  show(names[0]);
}

const panes = document.getElementById("panes");
if (panes) makePanes(panes);
