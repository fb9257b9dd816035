// Shows the API's description. Who is signed in may try operations: the session's cookie goes with
// each request, so unsafe ones carry the CSRF token. A token is kept in this page alone.
"use strict";

const docs = document.getElementById("docs");

window.SwaggerUIBundle({
  url: docs.dataset.schema,
  domNode: docs,
  deepLinking: true,
  displayRequestDuration: true,
  requestInterceptor: (request) => {
    if (!["GET", "HEAD"].includes(request.method ?? "GET")) {
      request.headers["X-CSRFToken"] = docs.dataset.csrf;
    }
    return request;
  },
});
