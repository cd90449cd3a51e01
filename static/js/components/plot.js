/** Plots over time, drawn by uPlot in the console's colours: stacked bars, lines, steps. */
import { useLayoutEffect, useRef } from "preact/hooks";
import uPlot from "uplot";
import { html } from "../html.js";
import { theme } from "../theme.js";

/** How far the lines of a scale of whole things may lie apart. */
const COUNTS = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000];

/** @param {string} name of a custom property */
const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

const axis = () => ({ stroke: colour("--ink-3"), font: '11px "Inter", sans-serif', grid: { stroke: colour("--line"), width: 1 }, ticks: { show: false } });
const timeAxis = () => ({ ...axis(), grid: { show: false }, size: 24, values: (/** @type {any} */ _, /** @type {number[]} */ splits) => splits.map(hourOrDay) });

/** The hour, or at midnight the day that begins. @param {number} seconds */
function hourOrDay(seconds) {
  const time = new Date(seconds * 1000);
  return time.getHours() || time.getMinutes() ? time.toLocaleTimeString("en-GB", { hour: "2-digit", minute: "2-digit", hourCycle: "h23" }) : time.toLocaleDateString("en-GB", { weekday: "short", day: "numeric" });
}

/** A plot as wide as there is room for. @param {() => {options: Omit<uPlot.Options, "width" | "height">, data: uPlot.AlignedData}} make @param {number} height @param {string} key what it shows */
function usePlot(make, height, key) {
  const box = useRef(/** @type {HTMLDivElement | null} */ (null));
  const shade = theme.value;
  // Before it is painted: on paper it is painted once.
  useLayoutEffect(() => {
    const element = box.current;
    if (!element) return;
    const { options, data } = make();
    const plot = new uPlot({ ...options, width: element.clientWidth, height, legend: { show: false }, cursor: { show: false }, padding: [8, 20, 0, 0] }, data, element);
    const watcher = new ResizeObserver(() => plot.setSize({ width: element.clientWidth, height }));
    watcher.observe(element);
    return () => {
      watcher.disconnect();
      plot.destroy();
    };
  }, [key, shade]);
  return box;
}

/**
 * @typedef {{times: number[], series: {label: string, colour: string, values: number[]}[], summary: string, height?: number}} PlotProps
 *   times: in seconds; colour: the name of a custom property; summary: what a screen reader says instead
 */

/** @param {PlotProps & {most: number, span: number}} props `most`: the top of the scale; `span`: how many seconds there is room for at least */
export function Lines({ times, series, most, span, summary, height = 110 }) {
  const box = usePlot(
    () => ({
      options: {
        scales: { x: { range: (/** @type {any} */ _, /** @type {number} */ min, /** @type {number} */ max) => /** @type {[number, number]} */ ([Math.min(min, max - span), max]) }, y: { range: [0, most] } },
        axes: [timeAxis(), { ...axis(), size: 32, splits: () => [0, most / 2, most] }],
        series: [{}, ...series.map((one) => ({ label: one.label, stroke: colour(one.colour), width: 1.5, points: { show: false } }))],
      },
      data: [times, ...series.map(({ values }) => values)],
    }),
    height,
    JSON.stringify([times, series]),
  );
  return html`<div class="plot" ref=${box} role="img" aria-label=${summary}></div>`;
}

/**
 * What holds for a step of time each, filled to its line.
 * @param {PlotProps & {write?: (value: number) => string, incrs?: number[], least?: number}} props
 *   `write`: how a value is written beside the scale; `incrs`: how far its lines may lie apart; `least`: what it reaches to at least
 */
export function Steps({ times, series, summary, height = 110, write = String, incrs = COUNTS, least = 4 }) {
  const make = () => ({
    options: {
      scales: { y: { range: (/** @type {any} */ _, /** @type {any} */ __, /** @type {number} */ max) => /** @type {[number, number]} */ ([0, Math.max(least, max * 1.08)]) } },
      axes: [timeAxis(), { ...axis(), size: 46, space: 18, incrs, values: (/** @type {any} */ _, /** @type {number[]} */ splits) => splits.map(write) }],
      series: [{}, ...series.map((one) => ({ label: one.label, stroke: colour(one.colour), fill: `${colour(one.colour)}2e`, width: 1.5, points: { show: false }, paths: uPlot.paths.stepped?.({ align: 1 }) }))],
    },
    data: /** @type {uPlot.AlignedData} */ ([times, ...series.map(({ values }) => values)]),
  });
  const box = usePlot(make, height, JSON.stringify([times, series]));
  return html`<div class="plot" ref=${box} role="img" aria-label=${summary}></div>`;
}

/** @param {PlotProps & {span?: number}} props `span`: seconds at either side of the first and last */
export function StackedBars({ times, series, summary, height = 150, span = 1800 }) {
  const make = () => {
    const sums = times.map(() => 0);
    const stacked = series.map(({ values }) => values.map((value, i) => (sums[i] += value)));
    const bars = uPlot.paths.bars?.({ size: [0.72, 28], radius: 0.12 });
    return {
      options: {
        scales: { x: { range: (/** @type {any} */ _, /** @type {number} */ min, /** @type {number} */ max) => /** @type {[number, number]} */ ([min - span, max + span]) }, y: { range: (/** @type {any} */ _, /** @type {any} */ __, /** @type {number} */ max) => /** @type {[number, number]} */ ([0, Math.max(4, max * 1.08)]) } },
        axes: [timeAxis(), { ...axis(), size: 32, incrs: COUNTS }],
        // The tallest sum is drawn first, so that each colour shows only its own part.
        series: [{}, ...series.map((one) => ({ label: one.label, fill: colour(one.colour), width: 0, points: { show: false }, paths: bars })).reverse()],
      },
      data: /** @type {uPlot.AlignedData} */ ([times, ...stacked.reverse()]),
    };
  };
  const box = usePlot(make, height, JSON.stringify([times, series]));
  return html`<div class="plot" ref=${box} role="img" aria-label=${summary}></div>`;
}
