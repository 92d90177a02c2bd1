"use strict";
// A list of the operations in the document.
fetch("/openapi.json").then((reply) => reply.json()).then((whole) => {
  const list = document.createElement("ul");
  for (const [path, item] of Object.entries(whole.paths || {})) {
    const call = item.get || item.post || item.delete;
    const line = document.createElement("li");
    line.textContent = path + (call && call.summary ? ": " + call.summary : "");
    list.append(line);
  }
  document.getElementById("operations").append(list);
});
