/** What changed between two texts, line by line. */

/** @typedef {{kind: "same" | "added" | "removed", text: string}} Line */

/**
 * The shortest edit between two lists of lines, by their longest common subsequence. Both are at most some thousand lines long.
 * @param {string[]} before @param {string[]} after @returns {Line[]}
 */
export function diffLines(before, after) {
  const common = Array.from({ length: before.length + 1 }, () => new Uint16Array(after.length + 1));
  for (let i = before.length - 1; i >= 0; i--) {
    for (let j = after.length - 1; j >= 0; j--) common[i][j] = before[i] === after[j] ? common[i + 1][j + 1] + 1 : Math.max(common[i + 1][j], common[i][j + 1]);
  }
  /** @type {Line[]} */
  const lines = [];
  let [i, j] = [0, 0];
  while (i < before.length || j < after.length) {
    if (i < before.length && j < after.length && before[i] === after[j]) lines.push({ kind: "same", text: before[(j++, i++)] });
    else if (j >= after.length || (i < before.length && common[i + 1][j] >= common[i][j + 1])) lines.push({ kind: "removed", text: before[i++] });
    else lines.push({ kind: "added", text: after[j++] });
  }
  return lines;
}
