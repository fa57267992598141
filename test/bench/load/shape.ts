/** How legs are spread over rooms. */
export interface Shape {
  readonly name: string;
  /** Members of a room; 0 = one room for all. */
  readonly size: number;
  readonly talkers: number;
}

export const SMALL_ROOMS: Shape = { name: 'rooms of 4, 2 talk', size: 4, talkers: 2 };
export const ONE_ROOM: Shape = { name: 'one room, 3 talk', size: 0, talkers: 3 };
