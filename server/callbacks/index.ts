/** Events told to URLs that callers gave: signed, guarded, retried, in order, and never in the way of anything. */
export { CALLBACK_FAILURES, type CallbackFailure, deliver } from './delivery.ts';
export { type Exchange, type ExchangeOptions, exchange } from './exchange.ts';
export { playCallbacks } from './play-callbacks.ts';
export { type CallbackObserver, CallbackQueue } from './queue.ts';
export { type RecordingAddresses, recordingCallbacks } from './recording-callbacks.ts';
export { storedShelf } from './shelf.ts';
export { type CallbackFields, type FieldValues, fieldsFrom } from './signature.ts';
export { StatusCallbacks, type StatusNews } from './status-callbacks.ts';
export { type CallbackTarget, callbackTarget } from './target.ts';
