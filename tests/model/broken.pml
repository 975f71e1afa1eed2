// Which of the ways to break it is tried, by its number; 0: none.
byte broken;
inline choose_what_is_broken() {
  c_code { now.broken = getenv("BROKEN") ? (unsigned char)atoi(getenv("BROKEN")) : 0; }
}
