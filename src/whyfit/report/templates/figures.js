(() => {
  const read = (id) => JSON.parse(document.getElementById(id).textContent);
  const config = read("figure-config");
  for (const [key, spec] of Object.entries(read("figure-data"))) {
    const place = document.getElementById("figure-" + key);
    vegaEmbed(place, spec, {
      mode: "vega-lite", renderer: "svg", actions: false, ast: true, config,
    }).then(() => place.setAttribute("data-drawn", "yes")).catch((error) => {
      place.textContent = "This figure could not be drawn: " + error.message;
      console.error(error);
    });
  }
})();
