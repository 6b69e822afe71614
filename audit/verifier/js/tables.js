// The tables both verifiers read. The page's builder puts the JSON of audit/ here; there is no second copy to grow old.

export const CHECKS = JSON.parse("@checks@");
export const SHAPES = JSON.parse("@shapes@");
export const CONTROLS = JSON.parse("@controls@");
export const WORDS = JSON.parse("@words@");
export const REASONS = JSON.parse("@reasons@");
export const RELEASE = "@release@";
