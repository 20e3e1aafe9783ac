// Sizes in bytes, for the tables of options.

export const kibibyte = 1024;
export const mebibyte: number = 1024 * kibibyte;
export const gibibyte: number = 1024 * mebibyte;
