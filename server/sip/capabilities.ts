/** The methods we take, in a request or a dialog. */
export const METHODS: readonly string[] = ['INVITE', 'ACK', 'CANCEL', 'BYE', 'OPTIONS', 'INFO', 'UPDATE', 'REGISTER'];

/** The extensions a peer may require of us. */
export const EXTENSIONS: readonly string[] = ['timer', 'path'];

/** Sent with every 405. */
export const ALLOW = { allow: METHODS.join(', ') };

/** Sent with what begins or changes a dialog. */
export const DIALOG_CAPABILITIES = { ...ALLOW, supported: EXTENSIONS.join(', ') };

/** The answer to OPTIONS. */
export const CAPABILITIES = {
  ...DIALOG_CAPABILITIES,
  accept: 'application/sdp',
  'accept-encoding': 'identity',
  'accept-language': 'en',
};
