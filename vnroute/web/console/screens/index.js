// Every screen: its id is its address (#/live), its key follows g. may(me) says who sees it at all;
// what a screen asks of the API is refused there again.

const everywhere = (me) => me.everywhere;
const operator = (me) => me.may("operator");
const admin = (me) => me.may("admin");

export const SCREENS = [
  { id: "start", title: "Getting started", key: "b", group: "Now", may: (me) => everywhere(me) && admin(me), load: () => import("./start.js") },
  { id: "live", title: "Live", key: "l", group: "Now", load: () => import("./live.js") },
  { id: "calls", title: "Calls", key: "c", group: "Now", load: () => import("./calls.js") },
  { id: "fraud", title: "Fraud", key: "f", group: "Now", may: everywhere, load: () => import("./fraud.js") },
  { id: "reports", title: "Reports", key: "r", group: "Now", load: () => import("./reports.js") },
  { id: "route", title: "Route tester", key: "t", group: "Routing", load: () => import("./route.js") },
  { id: "numbers", title: "Numbers", key: "n", group: "Routing", load: () => import("./numbers.js") },
  { id: "blocks", title: "Blocks", key: "k", group: "Routing", may: everywhere, load: () => import("./blocks.js") },
  { id: "plans", title: "Plans", key: "p", group: "Routing", load: () => import("./plans.js") },
  { id: "schedules", title: "Schedules", key: "s", group: "Routing", load: () => import("./schedules.js") },
  { id: "persons", title: "Persons", key: "w", group: "Routing", load: () => import("./persons.js") },
  { id: "policies", title: "Policies", key: "y", group: "Routing", may: everywhere, load: () => import("./policies.js") },
  { id: "overrides", title: "Overrides", key: "h", group: "Routing", load: () => import("./overrides.js") },
  { id: "accounts", title: "Accounts", key: "o", group: "Routing", load: () => import("./accounts.js") },
  { id: "screens", title: "Screens", key: "e", group: "Callers", may: everywhere, load: () => import("./caller_screens.js") },
  { id: "lists", title: "Lists", key: "i", group: "Callers", may: everywhere, load: () => import("./lists.js") },
  { id: "carriers", title: "Carriers", key: "a", group: "Carriers", may: everywhere, load: () => import("./carriers.js") },
  { id: "decks", title: "Rate decks", key: "d", group: "Carriers", may: (me) => everywhere(me) && operator(me), load: () => import("./decks.js") },
  { id: "people", title: "People & audit", key: "u", group: "Access", may: admin, load: () => import("./people.js") },
];
