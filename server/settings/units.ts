/** In seconds. */
export const minute = 60;
export const day = 86_400;
/** In bytes. */
export const megabyte = 2 ** 20;
