export { isCaller } from './caller.ts';
export { createDialler, type DialUsers, keptCallsMade } from './create.ts';
export {
  DIAL_REFUSALS,
  DIAL_RESULTS,
  type Dialled,
  Dialler,
  type DiallerDeps,
  type DialObserver,
  type DialRefusal,
  type DialResult,
} from './dialler.ts';
export type { Destination, DialOrder } from './order.ts';
export { ROUTE_REFUSALS, type Routed, type RouteRefusal, type RouteRules, routeTo } from './route.ts';
export type { RegisteredPhone } from './ways.ts';
