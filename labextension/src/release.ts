/** The release of this page; a test compares it with that of the Python package. */
export const RELEASE = '0.1.0';
