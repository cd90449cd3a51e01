/** Commands as a person writes them: one to a line; where one has several lines, a line of --- stands between two. */

const BETWEEN = /^---[ \t]*$/m;

/** @param {string[]} commands */
export function commandsText(commands) {
  if (!commands.some((command) => command.includes("\n"))) return commands.join("\n");
  return commands.length > 1 ? commands.join("\n---\n") : `${commands[0]}\n---`;
}

/** @param {string} text @param {string[] | null} [before] what the text came from: not rewritten, it stays as it was @returns {string[]} */
export function commandsIn(text, before) {
  if (before && commandsText(before) === text) return before;
  const written = BETWEEN.test(text) ? text.split(new RegExp(BETWEEN, "gm")).map((command) => command.replace(/^\n|\s+$/g, "")) : text.split("\n");
  return written.filter((command) => command.trim());
}
