/** Stacked bars over time, drawn by uPlot in the console's colours. */
import { useEffect, useRef } from "preact/hooks";
import uPlot from "uplot";
import { html } from "../html.js";
import { theme } from "../theme.js";

/** @param {string} name of a custom property */
const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

/**
 * @param {{times: number[], series: {label: string, colour: string, values: number[]}[], summary: string, height?: number}} props
 *   times: in seconds; colour: the name of a custom property; summary: what a screen reader says instead
 */
export function StackedBars({ times, series, summary, height = 150 }) {
  const box = useRef(/** @type {HTMLDivElement | null} */ (null));
  const shade = theme.value;
  useEffect(() => {
    const element = box.current;
    if (!element) return;
    const sums = times.map(() => 0);
    const stacked = series.map(({ values }) => values.map((value, i) => (sums[i] += value)));
    const axis = { stroke: colour("--ink-3"), font: '11px "Inter", sans-serif', grid: { stroke: colour("--line"), width: 1 }, ticks: { show: false } };
    const bars = uPlot.paths.bars?.({ size: [0.72, 28], radius: 0.12 });
    /** @type {uPlot.Options} */
    const options = {
      width: element.clientWidth,
      height,
      legend: { show: false },
      cursor: { show: false },
      padding: [8, 20, 0, 0],
      scales: { x: { range: (_, min, max) => [min - 1800, max + 1800] }, y: { range: (_, __, max) => [0, Math.max(4, max * 1.08)] } },
      axes: [
        { ...axis, grid: { show: false }, size: 24, values: (_, splits) => splits.map((s) => new Date(s * 1000).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit", hourCycle: "h23" })) },
        { ...axis, size: 32, incrs: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000] },
      ],
      // The tallest sum is drawn first, so that each colour shows only its own part.
      series: [{}, ...series.map((one) => ({ label: one.label, fill: colour(one.colour), width: 0, points: { show: false }, paths: bars })).reverse()],
    };
    const plot = new uPlot(options, [times, ...stacked.reverse()], element);
    const watcher = new ResizeObserver(() => plot.setSize({ width: element.clientWidth, height }));
    watcher.observe(element);
    return () => {
      watcher.disconnect();
      plot.destroy();
    };
  }, [JSON.stringify([times, series]), shade]);
  return html`<div class="plot" ref=${box} role="img" aria-label=${summary}></div>`;
}
