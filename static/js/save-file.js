/** Hands a file to the user that was put together here. */

const KEPT_MS = 10_000;

/** @param {string} name @param {string[]} parts @param {string} type its media type */
export function saveFile(name, parts, type) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob(parts, { type }));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), KEPT_MS);
}
