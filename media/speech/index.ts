/** Text to sound: the engine behind an interface, and espeak-ng as the first. Main thread only. */
export { languageFor, type Speech, type SpeechEngine, type SpeechLanguage, type SpeechVoice } from './engine.ts';
export { chooseEspeak, type EspeakChoice, type EspeakOptions } from './espeak.ts';
