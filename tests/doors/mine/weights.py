def halved(value):
    return 0.5 * value
