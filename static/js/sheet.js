/** Styles that one page alone needs: they come with it, before the sheets that adapt all others to narrow screens and to paper. */
const base = document.getElementById("app")?.dataset.base ?? "";

/** Done once they are there, or cannot be had. @param {string} name of the sheet */
export const withStyles = (name) =>
  new Promise((done) => {
    const link = Object.assign(document.createElement("link"), { rel: "stylesheet", href: `${base}/css/${name}.css`, onload: done, onerror: done });
    document.querySelector('link[href$="/narrow.css"]')?.before(link);
  });
