/** The server cannot start, and the message tells the operator why and what to do. */
export class StartError extends Error {
  override readonly name = 'StartError';

  /** What a failed bind means, in terms of the settings behind it. */
  static ofListening(
    error: unknown,
    names: { readonly host: string; readonly port: string },
    values: { readonly host: string; readonly port: number },
  ): unknown {
    const port = `${names.port}=${values.port}`;
    switch ((error as NodeJS.ErrnoException).code) {
      case 'EADDRINUSE':
        return new StartError(
          `${port}: another program uses that port on ${values.host}. Stop it, or set ${names.port} to a free one.`,
        );
      case 'EACCES':
        return new StartError(`${port}: no permission to listen there. Set ${names.port} to 1024 or above.`);
      case 'EADDRNOTAVAIL':
      case 'ENOTFOUND':
      case 'EAI_AGAIN':
        return new StartError(
          `${names.host}=${values.host}: this machine has no such address. Set ${names.host} to one of its own, or to 0.0.0.0.`,
        );
      default:
        return error;
    }
  }
}
