// What every page does in a browser without the application's code. Stands in the document itself, so that it holds before
// that code has come; lines that are comments stay here.
(() => {
  // The server writes times in the zone that the browser tells it here.
  const { timeZone } = Intl.DateTimeFormat().resolvedOptions();
  const secure = location.protocol === "https:" ? "; Secure" : "";
  if (timeZone) document.cookie = `zone=${timeZone}; Path=/; Max-Age=31536000; SameSite=Lax${secure}`;
})();
