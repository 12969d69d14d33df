// Shows the description of the REST API, from which it can be tried out.
window.SwaggerUIBundle({
  url: "/openapi.json",
  dom_id: "#api",
  deepLinking: true,
  displayRequestDuration: true,
  persistAuthorization: false, // a token stays in this page and goes with it
  validatorUrl: null, // no other server hears of this one
});
