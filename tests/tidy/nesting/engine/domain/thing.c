int thing_run(int count)
{
    for (int i = 0; i < count; i++) {
        while (count > i) {
            if (count == 7) {
                do {
                    count--;
                } while (count > 0);
            }
        }
    }
    return count;
}
