/* markup: texts and numbers as a page shows them.
 * Why:    a note or a command line may hold anything, and must stay what it is: text.
 * Never:  writes a byte of a foreign text that a browser could read as markup.
 * Thread: any. */
#pragma once

#include <stdint.h>
#include <stdio.h>

enum { MARKUP_NUMBER_SIZE = 32 };

/* For element content and for attributes in double quotes. Control characters but line feed and
 * tabulator, and bytes that are no UTF-8, become "?". */
void markup_text(FILE *page, const char *text);
/* 1234567 → "1,234,567" */
void markup_count(uint64_t value, char text[MARKUP_NUMBER_SIZE]);
/* Three figures: "0.012", "1.23", "12.3", "1,234". */
void markup_figures(double value, char text[MARKUP_NUMBER_SIZE]);
