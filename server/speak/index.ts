/** Speech for the API and for XML: Plivo's voices and limits in front of the engine. */
export { SPEECH_SCHEME, Speaker, type SpeechAddress, type SpeechChoice, type SpokenText } from './speaker.ts';
export { startSpeaker } from './start.ts';
export { MAX_TEXT } from './text.ts';
export { DEFAULT_LANGUAGE, DEFAULT_VOICE } from './voices.ts';
