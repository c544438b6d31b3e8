"""Is a strategy honest? Does it look ahead, is its warm-up enough, are its values what they must be?"""
