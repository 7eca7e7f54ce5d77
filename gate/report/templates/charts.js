// Draws the curves of `dvc plots` and of the report, and the boxes that show and hide lines.
// Needs Vega-Embed as `vegaEmbed`, and an element with the id `lines` for the boxes. A template that has
// a parameter `hidden` gets a box for each revision, and for each name in its `usermeta.boxes`.
(() => {
  const embed = window.vegaEmbed;
  const views = [];
  const hidden = new Set();

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

  function addBox(group, name, colour) {
    const label = group.appendChild(document.createElement("label"));
    const box = label.appendChild(document.createElement("input"));
    box.type = "checkbox";
    box.checked = !hidden.has(name);
    box.addEventListener("change", () => {
      box.checked ? hidden.delete(name) : hidden.add(name);
      views.forEach((view) => view.signal("hidden", [...hidden]).runAsync());
    });
    if (colour) {
      const swatch = label.appendChild(document.createElement("span"));
      swatch.className = "swatch";
      swatch.style.background = colour;
    }
    label.append(name);
  }

  function addBoxes(view, spec) {
    const group = document.getElementById("lines");
    if (!group || !spec.params?.some((param) => param.name === "hidden")) return;
    if (views.push(view) > 1) return; // every chart of a page has the same revisions
    const revisions = new Set(spec.data.values.map((point) => point.rev));
    revisions.forEach((name) => addBox(group, name, view.scale("color")(name)));
    (spec.usermeta?.boxes ?? []).forEach((name) => addBox(group, name));
    group.hidden = false;
  }

  // A tap moves no pointer, so that it would show no values.
  function showValuesByTap(element) {
    element.addEventListener("click", (event) => {
      const { clientX, clientY, isTrusted, pointerType } = event;
      if (isTrusted && pointerType === "touch") {
        event.target.dispatchEvent(new PointerEvent("pointermove", { clientX, clientY, bubbles: true }));
      }
    });
  }

  window.vegaEmbed = async (selector, spec, title = "") => {
    const element = document.querySelector(selector);
    element.classList.add("chart");
    if (!spec.data) {
      element.hidden = true; // none of the revisions has the file, as DVC says where it was called
      return;
    }
    const actions = { export: true, source: false, compiled: false, editor: false };
    try {
      const drawn = await embed(element, fit(spec, element.clientWidth), { renderer: "svg", actions });
      addBoxes(drawn.view, spec);
      showValuesByTap(element);
      const menu = element.querySelector("summary");
      if (menu) menu.setAttribute("aria-label", `Save the picture: ${title || spec.title?.text || selector}`);
      element.dataset.drawn = "yes";
    } catch (error) {
      element.textContent = `Not drawn: ${error.message}`;
      throw error;
    }
  };
})();
