// Keeps the look and the page for "no connection". Nothing personal is ever kept: pages always come from the server.
const KEPT = "kept-1";

self.addEventListener("install", (event) => {
  event.waitUntil(caches.open(KEPT).then((cache) => cache.add("/offline/")).then(() => self.skipWaiting()));
});

self.addEventListener("activate", (event) => {
  const clean = caches.keys().then((names) => Promise.all(names.filter((name) => name !== KEPT).map((name) => caches.delete(name))));
  event.waitUntil(clean.then(() => self.clients.claim()));
});

self.addEventListener("fetch", (event) => {
  const { request } = event;
  if (request.method !== "GET") return;
  if (request.mode === "navigate") {
    event.respondWith(fetch(request).catch(() => caches.match("/offline/")));
  } else if (new URL(request.url).pathname.startsWith("/static/lending/")) {
    event.respondWith(
      fetch(request)
        .then((answer) => {
          if (answer.ok) { const copy = answer.clone(); event.waitUntil(caches.open(KEPT).then((cache) => cache.put(request, copy))); }
          return answer;
        })
        .catch(() => caches.match(request)),
    );
  }
});
