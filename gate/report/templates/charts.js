// Draws the charts of `dvc plots` and of the report. Needs Vega-Embed as `vegaEmbed`.
(() => {
  const embed = window.vegaEmbed;

  // A panel below the other where there is no room for both, and the legend below them.
  function fit(spec, room) {
    if (!spec.facet) return spec;
    const columns = room < 720 ? 1 : 2;
    const beside = columns === 1 ? 65 : 230; // labels of the axis; beside two panels, the legend
    const fitted = structuredClone(spec);
    fitted.columns = columns;
    fitted.spec.width = Math.max(180, Math.min(460, (room - beside) / columns));
    if (columns === 1) {
      const layout = { bottom: { anchor: "start", direction: "vertical", margin: 8 } };
      fitted.config.legend = { ...fitted.config.legend, orient: "bottom", columns: 2, layout };
      if (fitted.title) delete fitted.title.subtitle; // too long for a narrow page
    }
    return fitted;
  }

  window.vegaEmbed = async (selector, spec) => {
    const element = document.querySelector(selector);
    element.classList.add("chart");
    if (!spec.data) {
      element.hidden = true; // none of the revisions has the file, as DVC says where it was called
      return;
    }
    const actions = { export: true, source: false, compiled: false, editor: false };
    try {
      await embed(element, fit(spec, element.clientWidth), { renderer: "svg", actions });
      element.dataset.drawn = "yes";
    } catch (error) {
      element.textContent = `Not drawn: ${error.message}`;
      throw error;
    }
    const menu = element.querySelector("summary");
    if (menu) menu.setAttribute("aria-label", `Save the picture: ${spec.title?.text || selector}`);
    // A tap moves no pointer, so that it would show no values.
    element.addEventListener("click", (event) => {
      const { clientX, clientY, isTrusted, pointerType } = event;
      if (isTrusted && pointerType === "touch") {
        event.target.dispatchEvent(new PointerEvent("pointermove", { clientX, clientY, bubbles: true }));
      }
    });
  };
})();
