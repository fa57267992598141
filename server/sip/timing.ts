/*
 * RFC 3261 table 4, in ms. Timers that RFC 3261 makes 0 s on reliable transports are left out there instead.
 */

/** Estimate of a round trip. */
export const T1 = 500;
/** Longest wait between two sendings of the same message. */
export const T2 = 4000;
/** How long a message may stay in the network. */
export const T4 = 5000;
/** When an unanswered message counts as lost for good: timers B, F, H, J and L. */
export const GIVE_UP = 64 * T1;
