; Written by `make kernels` from the Python source of this room's kernels. Do not edit.
; Python 3.11, numba 0.68.1, llvmlite 0.50.0, x86_64
define internal i1 @0(ptr %0, ptr %1, i64 %2, i32 %3, i32 %4) {
  %6 = load i64, ptr %0, align 8
  %7 = getelementptr i8, ptr %1, i64 %6
  %8 = getelementptr i8, ptr %7, i64 -8
  %9 = load i64, ptr %8, align 8
  %10 = getelementptr i8, ptr %0, i64 8
  %11 = load i64, ptr %10, align 8
  %12 = icmp eq i64 %9, %11
  br i1 %12, label %15, label %13

13:
  %14 = phi i1 [ %29, %15 ], [ false, %5 ]
  ret i1 %14

15:
  %16 = getelementptr i8, ptr %7, i64 8
  %17 = load i32, ptr %16, align 4
  %18 = icmp eq i32 %17, %3
  %19 = getelementptr i8, ptr %7, i64 40
  %20 = load i64, ptr %19, align 8
  %21 = getelementptr i64, ptr %0, i64 %2
  %22 = load i64, ptr %21, align 8
  %23 = icmp eq i64 %20, %22
  %24 = getelementptr i8, ptr %7, i64 48
  %25 = load i32, ptr %24, align 4
  %26 = and i32 %25, %4
  %27 = icmp eq i32 %26, %4
  %28 = and i1 %18, %23
  %29 = and i1 %28, %27
  br label %13
}

define i64 @_crt.digits(ptr %0, ptr %1, ptr %2, ptr %3, ptr %4) {
  %6 = load i64, ptr %0, align 8
  %7 = call i1 @0(ptr nonnull %0, ptr %1, i64 4, i32 2, i32 1281)
  br i1 %7, label %10, label %8

8:
  %9 = phi i64 [ 0, %37 ], [ -1, %5 ], [ -2, %10 ], [ -3, %19 ], [ -4, %28 ]
  ret i64 %9

10:
  %11 = getelementptr i8, ptr %1, i64 %6
  %12 = load ptr, ptr %11, align 8
  %13 = getelementptr i8, ptr %11, i64 16
  %14 = load ptr, ptr %13, align 8
  %15 = getelementptr i8, ptr %14, i64 8
  %16 = load i64, ptr %15, align 8
  %17 = load i64, ptr %14, align 8
  %18 = call i1 @0(ptr nonnull %0, ptr %2, i64 4, i32 1, i32 257)
  br i1 %18, label %19, label %8

19:
  %20 = getelementptr i8, ptr %2, i64 %6
  %21 = load ptr, ptr %20, align 8
  %22 = getelementptr i8, ptr %20, i64 16
  %23 = load ptr, ptr %22, align 8
  %24 = load i64, ptr %23, align 8
  %25 = shl i64 %24, 2
  %26 = ashr exact i64 %25, 2
  %27 = call i1 @0(ptr nonnull %0, ptr %3, i64 4, i32 2, i32 257)
  br i1 %27, label %28, label %8

28:
  %29 = getelementptr i8, ptr %3, i64 %6
  %30 = load ptr, ptr %29, align 8
  %31 = getelementptr i8, ptr %29, i64 16
  %32 = load ptr, ptr %31, align 8
  %33 = getelementptr i8, ptr %32, i64 8
  %34 = load i64, ptr %33, align 8
  %35 = load i64, ptr %32, align 8
  %36 = call i1 @0(ptr nonnull %0, ptr %4, i64 4, i32 2, i32 257)
  br i1 %36, label %37, label %8

37:
  %38 = getelementptr i8, ptr %4, i64 %6
  %39 = load ptr, ptr %38, align 8
  %40 = getelementptr i8, ptr %38, i64 16
  %41 = load ptr, ptr %40, align 8
  %42 = getelementptr i8, ptr %41, i64 8
  %43 = load i64, ptr %42, align 8
  %44 = load i64, ptr %41, align 8
  %45 = alloca ptr, align 8
  call void @1(ptr nonnull %45, ptr %12, i64 %17, i64 %16, i64 %26, ptr %21, i64 %24, ptr %30, i64 %35, i64 %34, ptr %39, i64 %44, i64 %43)
  br label %8
}

define i64 @_crt.limbs_of(ptr %0, ptr %1, ptr %2, ptr %3) {
  %5 = load i64, ptr %0, align 8
  %6 = call i1 @0(ptr nonnull %0, ptr %1, i64 4, i32 2, i32 1281)
  br i1 %6, label %9, label %7

7:
  %8 = phi i64 [ 0, %25 ], [ -1, %4 ], [ -2, %9 ], [ -3, %18 ]
  ret i64 %8

9:
  %10 = getelementptr i8, ptr %1, i64 %5
  %11 = load ptr, ptr %10, align 8
  %12 = getelementptr i8, ptr %10, i64 16
  %13 = load ptr, ptr %12, align 8
  %14 = getelementptr i8, ptr %13, i64 8
  %15 = load i64, ptr %14, align 8
  %16 = load i64, ptr %13, align 8
  %17 = call i1 @0(ptr nonnull %0, ptr %2, i64 4, i32 1, i32 257)
  br i1 %17, label %18, label %7

18:
  %19 = getelementptr i8, ptr %2, i64 %5
  %20 = load ptr, ptr %19, align 8
  %21 = getelementptr i8, ptr %19, i64 16
  %22 = load ptr, ptr %21, align 8
  %23 = load i64, ptr %22, align 8
  %24 = call i1 @0(ptr nonnull %0, ptr %3, i64 4, i32 2, i32 1281)
  br i1 %24, label %25, label %7

25:
  %26 = shl i64 %23, 2
  %27 = ashr exact i64 %26, 2
  %28 = getelementptr i8, ptr %3, i64 %5
  %29 = load ptr, ptr %28, align 8
  %30 = getelementptr i8, ptr %28, i64 16
  %31 = load ptr, ptr %30, align 8
  %32 = getelementptr i8, ptr %31, i64 8
  %33 = load i64, ptr %32, align 8
  %34 = load i64, ptr %31, align 8
  %35 = alloca ptr, align 8
  call void @2(ptr nonnull %35, ptr %11, i64 %16, i64 %15, i64 %27, ptr %20, i64 %23, ptr %29, i64 %34, i64 %33)
  br label %7
}

define i64 @_crt.open_blocks(ptr %0, ptr %1, ptr %2, ptr %3, ptr %4, ptr %5, ptr %6, ptr %7, ptr %8, ptr %9, ptr %10) {
  %12 = load i64, ptr %0, align 8
  %13 = call i1 @0(ptr nonnull %0, ptr %1, i64 4, i32 2, i32 257)
  br i1 %13, label %16, label %14

14:
  %15 = phi i64 [ 0, %90 ], [ -1, %11 ], [ -2, %16 ], [ -3, %25 ], [ -4, %34 ], [ -5, %43 ], [ -6, %52 ], [ -7, %56 ], [ -8, %65 ], [ -9, %74 ], [ -10, %83 ]
  ret i64 %15

16:
  %17 = getelementptr i8, ptr %1, i64 %12
  %18 = load ptr, ptr %17, align 8
  %19 = getelementptr i8, ptr %17, i64 16
  %20 = load ptr, ptr %19, align 8
  %21 = getelementptr i8, ptr %20, i64 8
  %22 = load i64, ptr %21, align 8
  %23 = load i64, ptr %20, align 8
  %24 = call i1 @0(ptr nonnull %0, ptr %2, i64 4, i32 1, i32 257)
  br i1 %24, label %25, label %14

25:
  %26 = getelementptr i8, ptr %2, i64 %12
  %27 = load ptr, ptr %26, align 8
  %28 = getelementptr i8, ptr %26, i64 16
  %29 = load ptr, ptr %28, align 8
  %30 = load i64, ptr %29, align 8
  %31 = shl i64 %30, 2
  %32 = ashr exact i64 %31, 2
  %33 = call i1 @0(ptr nonnull %0, ptr %3, i64 4, i32 2, i32 257)
  br i1 %33, label %34, label %14

34:
  %35 = getelementptr i8, ptr %3, i64 %12
  %36 = load ptr, ptr %35, align 8
  %37 = getelementptr i8, ptr %35, i64 16
  %38 = load ptr, ptr %37, align 8
  %39 = getelementptr i8, ptr %38, i64 8
  %40 = load i64, ptr %39, align 8
  %41 = load i64, ptr %38, align 8
  %42 = call i1 @0(ptr nonnull %0, ptr %4, i64 4, i32 2, i32 257)
  br i1 %42, label %43, label %14

43:
  %44 = getelementptr i8, ptr %4, i64 %12
  %45 = load ptr, ptr %44, align 8
  %46 = getelementptr i8, ptr %44, i64 16
  %47 = load ptr, ptr %46, align 8
  %48 = getelementptr i8, ptr %47, i64 8
  %49 = load i64, ptr %48, align 8
  %50 = load i64, ptr %47, align 8
  %51 = call i1 @0(ptr nonnull %0, ptr %5, i64 9, i32 1, i32 257)
  br i1 %51, label %52, label %14

52:
  %53 = getelementptr i8, ptr %5, i64 %12
  %54 = load ptr, ptr %53, align 8
  %55 = call i1 @0(ptr nonnull %0, ptr %6, i64 4, i32 2, i32 1281)
  br i1 %55, label %56, label %14

56:
  %57 = getelementptr i8, ptr %6, i64 %12
  %58 = load ptr, ptr %57, align 8
  %59 = getelementptr i8, ptr %57, i64 16
  %60 = load ptr, ptr %59, align 8
  %61 = getelementptr i8, ptr %60, i64 8
  %62 = load i64, ptr %61, align 8
  %63 = load i64, ptr %60, align 8
  %64 = call i1 @0(ptr nonnull %0, ptr %7, i64 4, i32 2, i32 1281)
  br i1 %64, label %65, label %14

65:
  %66 = getelementptr i8, ptr %7, i64 %12
  %67 = load ptr, ptr %66, align 8
  %68 = getelementptr i8, ptr %66, i64 16
  %69 = load ptr, ptr %68, align 8
  %70 = getelementptr i8, ptr %69, i64 8
  %71 = load i64, ptr %70, align 8
  %72 = load i64, ptr %69, align 8
  %73 = call i1 @0(ptr nonnull %0, ptr %8, i64 5, i32 1, i32 1281)
  br i1 %73, label %74, label %14

74:
  %75 = getelementptr i8, ptr %8, i64 %12
  %76 = load ptr, ptr %75, align 8
  %77 = getelementptr i8, ptr %75, i64 16
  %78 = load ptr, ptr %77, align 8
  %79 = load i64, ptr %78, align 8
  %80 = shl i64 %79, 3
  %81 = ashr exact i64 %80, 3
  %82 = call i1 @0(ptr nonnull %0, ptr %9, i64 9, i32 1, i32 1281)
  br i1 %82, label %83, label %14

83:
  %84 = getelementptr i8, ptr %9, i64 %12
  %85 = load ptr, ptr %84, align 8
  %86 = getelementptr i8, ptr %84, i64 16
  %87 = load ptr, ptr %86, align 8
  %88 = load i64, ptr %87, align 8
  %89 = call i1 @0(ptr nonnull %0, ptr %10, i64 9, i32 1, i32 1281)
  br i1 %89, label %90, label %14

90:
  %91 = shl i64 %88, 3
  %92 = ashr exact i64 %91, 3
  %93 = getelementptr i8, ptr %10, i64 %12
  %94 = load ptr, ptr %93, align 8
  %95 = alloca ptr, align 8
  call void @3(ptr nonnull %95, ptr %18, i64 %23, i64 %22, i64 %32, ptr %27, i64 %30, ptr %36, i64 %41, i64 %40, ptr %45, i64 %50, i64 %49, ptr %54, ptr %58, i64 %63, i64 %62, ptr %67, i64 %72, i64 %71, i64 %81, ptr %76, i64 %79, i64 %92, ptr %85, i64 %88, ptr %94)
  br label %14
}

define i64 @_kernels.transform_secret(ptr %0, ptr %1, ptr %2, ptr %3, ptr %4, ptr %5, ptr %6, ptr %7, ptr %8) {
  %10 = load i64, ptr %0, align 8
  %11 = call i1 @0(ptr nonnull %0, ptr %1, i64 9, i32 1, i32 257)
  br i1 %11, label %14, label %12

12:
  %13 = phi i64 [ 0, %77 ], [ -1, %9 ], [ -2, %14 ], [ -3, %21 ], [ -4, %30 ], [ -5, %39 ], [ -6, %48 ], [ -7, %59 ], [ -8, %70 ]
  ret i64 %13

14:
  %15 = getelementptr i8, ptr %1, i64 %10
  %16 = load ptr, ptr %15, align 8
  %17 = getelementptr i8, ptr %15, i64 16
  %18 = load ptr, ptr %17, align 8
  %19 = load i64, ptr %18, align 8
  %20 = call i1 @0(ptr nonnull %0, ptr %2, i64 4, i32 1, i32 257)
  br i1 %20, label %21, label %12

21:
  %22 = getelementptr i8, ptr %2, i64 %10
  %23 = load ptr, ptr %22, align 8
  %24 = getelementptr i8, ptr %22, i64 16
  %25 = load ptr, ptr %24, align 8
  %26 = load i64, ptr %25, align 8
  %27 = shl i64 %26, 2
  %28 = ashr exact i64 %27, 2
  %29 = call i1 @0(ptr nonnull %0, ptr %3, i64 4, i32 2, i32 257)
  br i1 %29, label %30, label %12

30:
  %31 = getelementptr i8, ptr %3, i64 %10
  %32 = load ptr, ptr %31, align 8
  %33 = getelementptr i8, ptr %31, i64 16
  %34 = load ptr, ptr %33, align 8
  %35 = getelementptr i8, ptr %34, i64 8
  %36 = load i64, ptr %35, align 8
  %37 = load i64, ptr %34, align 8
  %38 = call i1 @0(ptr nonnull %0, ptr %4, i64 4, i32 2, i32 257)
  br i1 %38, label %39, label %12

39:
  %40 = getelementptr i8, ptr %4, i64 %10
  %41 = load ptr, ptr %40, align 8
  %42 = getelementptr i8, ptr %40, i64 16
  %43 = load ptr, ptr %42, align 8
  %44 = getelementptr i8, ptr %43, i64 8
  %45 = load i64, ptr %44, align 8
  %46 = load i64, ptr %43, align 8
  %47 = call i1 @0(ptr nonnull %0, ptr %5, i64 4, i32 3, i32 257)
  br i1 %47, label %48, label %12

48:
  %49 = getelementptr i8, ptr %5, i64 %10
  %50 = load ptr, ptr %49, align 8
  %51 = getelementptr i8, ptr %49, i64 16
  %52 = load ptr, ptr %51, align 8
  %53 = getelementptr i8, ptr %52, i64 16
  %54 = load i64, ptr %53, align 8
  %55 = getelementptr i8, ptr %52, i64 8
  %56 = load i64, ptr %55, align 8
  %57 = load i64, ptr %52, align 8
  %58 = call i1 @0(ptr nonnull %0, ptr %6, i64 4, i32 3, i32 257)
  br i1 %58, label %59, label %12

59:
  %60 = getelementptr i8, ptr %6, i64 %10
  %61 = load ptr, ptr %60, align 8
  %62 = getelementptr i8, ptr %60, i64 16
  %63 = load ptr, ptr %62, align 8
  %64 = getelementptr i8, ptr %63, i64 16
  %65 = load i64, ptr %64, align 8
  %66 = getelementptr i8, ptr %63, i64 8
  %67 = load i64, ptr %66, align 8
  %68 = load i64, ptr %63, align 8
  %69 = call i1 @0(ptr nonnull %0, ptr %7, i64 4, i32 1, i32 1281)
  br i1 %69, label %70, label %12

70:
  %71 = getelementptr i8, ptr %7, i64 %10
  %72 = load ptr, ptr %71, align 8
  %73 = getelementptr i8, ptr %71, i64 16
  %74 = load ptr, ptr %73, align 8
  %75 = load i64, ptr %74, align 8
  %76 = call i1 @0(ptr nonnull %0, ptr %8, i64 4, i32 3, i32 1281)
  br i1 %76, label %77, label %12

77:
  %78 = getelementptr i8, ptr %8, i64 %10
  %79 = load ptr, ptr %78, align 8
  %80 = getelementptr i8, ptr %78, i64 16
  %81 = load ptr, ptr %80, align 8
  %82 = getelementptr i8, ptr %81, i64 16
  %83 = load i64, ptr %82, align 8
  %84 = getelementptr i8, ptr %81, i64 8
  %85 = load i64, ptr %84, align 8
  %86 = alloca ptr, align 8
  call void @5(ptr nonnull %86, ptr %16, i64 %19, i64 %28, ptr %23, i64 %26, ptr %32, i64 %37, i64 %36, ptr %41, i64 %46, i64 %45, ptr %50, i64 %57, i64 %56, i64 %54, ptr %61, i64 %68, i64 %67, i64 %65, ptr %72, i64 %75, ptr %79, i64 %85, i64 %83)
  br label %12
}

define i64 @_kernels.seal(ptr %0, ptr %1, ptr %2, ptr %3, ptr %4, ptr %5, ptr %6, ptr %7, ptr %8, ptr %9, ptr %10, ptr %11, ptr %12, ptr %13, ptr %14, ptr %15) {
  %17 = load i64, ptr %0, align 8
  %18 = call i1 @0(ptr nonnull %0, ptr %1, i64 4, i32 1, i32 257)
  br i1 %18, label %21, label %19

19:
  %20 = phi i64 [ 0, %146 ], [ -1, %16 ], [ -2, %21 ], [ -3, %28 ], [ -4, %35 ], [ -5, %44 ], [ -6, %54 ], [ -7, %63 ], [ -8, %72 ], [ -9, %81 ], [ -10, %90 ], [ -11, %99 ], [ -12, %110 ], [ -13, %121 ], [ -14, %128 ], [ -15, %137 ]
  ret i64 %20

21:
  %22 = getelementptr i8, ptr %1, i64 %17
  %23 = load ptr, ptr %22, align 8
  %24 = getelementptr i8, ptr %22, i64 16
  %25 = load ptr, ptr %24, align 8
  %26 = load i64, ptr %25, align 8
  %27 = call i1 @0(ptr nonnull %0, ptr %2, i64 5, i32 1, i32 257)
  br i1 %27, label %28, label %19

28:
  %29 = getelementptr i8, ptr %2, i64 %17
  %30 = load ptr, ptr %29, align 8
  %31 = getelementptr i8, ptr %29, i64 16
  %32 = load ptr, ptr %31, align 8
  %33 = load i64, ptr %32, align 8
  %34 = call i1 @0(ptr nonnull %0, ptr %3, i64 4, i32 2, i32 257)
  br i1 %34, label %35, label %19

35:
  %36 = getelementptr i8, ptr %3, i64 %17
  %37 = load ptr, ptr %36, align 8
  %38 = getelementptr i8, ptr %36, i64 16
  %39 = load ptr, ptr %38, align 8
  %40 = getelementptr i8, ptr %39, i64 8
  %41 = load i64, ptr %40, align 8
  %42 = load i64, ptr %39, align 8
  %43 = call i1 @0(ptr nonnull %0, ptr %4, i64 4, i32 3, i32 257)
  br i1 %43, label %44, label %19

44:
  %45 = getelementptr i8, ptr %4, i64 %17
  %46 = load ptr, ptr %45, align 8
  %47 = getelementptr i8, ptr %45, i64 16
  %48 = load ptr, ptr %47, align 8
  %49 = getelementptr i8, ptr %48, i64 16
  %50 = load i64, ptr %49, align 8
  %51 = getelementptr i8, ptr %48, i64 8
  %52 = load i64, ptr %51, align 8
  %53 = call i1 @0(ptr nonnull %0, ptr %5, i64 5, i32 2, i32 257)
  br i1 %53, label %54, label %19

54:
  %55 = getelementptr i8, ptr %5, i64 %17
  %56 = load ptr, ptr %55, align 8
  %57 = getelementptr i8, ptr %55, i64 16
  %58 = load ptr, ptr %57, align 8
  %59 = getelementptr i8, ptr %58, i64 8
  %60 = load i64, ptr %59, align 8
  %61 = load i64, ptr %58, align 8
  %62 = call i1 @0(ptr nonnull %0, ptr %6, i64 4, i32 1, i32 257)
  br i1 %62, label %63, label %19

63:
  %64 = getelementptr i8, ptr %6, i64 %17
  %65 = load ptr, ptr %64, align 8
  %66 = getelementptr i8, ptr %64, i64 16
  %67 = load ptr, ptr %66, align 8
  %68 = load i64, ptr %67, align 8
  %69 = shl i64 %68, 2
  %70 = ashr exact i64 %69, 2
  %71 = call i1 @0(ptr nonnull %0, ptr %7, i64 4, i32 2, i32 257)
  br i1 %71, label %72, label %19

72:
  %73 = getelementptr i8, ptr %7, i64 %17
  %74 = load ptr, ptr %73, align 8
  %75 = getelementptr i8, ptr %73, i64 16
  %76 = load ptr, ptr %75, align 8
  %77 = getelementptr i8, ptr %76, i64 8
  %78 = load i64, ptr %77, align 8
  %79 = load i64, ptr %76, align 8
  %80 = call i1 @0(ptr nonnull %0, ptr %8, i64 4, i32 2, i32 257)
  br i1 %80, label %81, label %19

81:
  %82 = getelementptr i8, ptr %8, i64 %17
  %83 = load ptr, ptr %82, align 8
  %84 = getelementptr i8, ptr %82, i64 16
  %85 = load ptr, ptr %84, align 8
  %86 = getelementptr i8, ptr %85, i64 8
  %87 = load i64, ptr %86, align 8
  %88 = load i64, ptr %85, align 8
  %89 = call i1 @0(ptr nonnull %0, ptr %9, i64 4, i32 2, i32 257)
  br i1 %89, label %90, label %19

90:
  %91 = getelementptr i8, ptr %9, i64 %17
  %92 = load ptr, ptr %91, align 8
  %93 = getelementptr i8, ptr %91, i64 16
  %94 = load ptr, ptr %93, align 8
  %95 = getelementptr i8, ptr %94, i64 8
  %96 = load i64, ptr %95, align 8
  %97 = load i64, ptr %94, align 8
  %98 = call i1 @0(ptr nonnull %0, ptr %10, i64 4, i32 3, i32 257)
  br i1 %98, label %99, label %19

99:
  %100 = getelementptr i8, ptr %10, i64 %17
  %101 = load ptr, ptr %100, align 8
  %102 = getelementptr i8, ptr %100, i64 16
  %103 = load ptr, ptr %102, align 8
  %104 = getelementptr i8, ptr %103, i64 16
  %105 = load i64, ptr %104, align 8
  %106 = getelementptr i8, ptr %103, i64 8
  %107 = load i64, ptr %106, align 8
  %108 = load i64, ptr %103, align 8
  %109 = call i1 @0(ptr nonnull %0, ptr %11, i64 4, i32 3, i32 257)
  br i1 %109, label %110, label %19

110:
  %111 = getelementptr i8, ptr %11, i64 %17
  %112 = load ptr, ptr %111, align 8
  %113 = getelementptr i8, ptr %111, i64 16
  %114 = load ptr, ptr %113, align 8
  %115 = getelementptr i8, ptr %114, i64 16
  %116 = load i64, ptr %115, align 8
  %117 = getelementptr i8, ptr %114, i64 8
  %118 = load i64, ptr %117, align 8
  %119 = load i64, ptr %114, align 8
  %120 = call i1 @0(ptr nonnull %0, ptr %12, i64 6, i32 1, i32 1281)
  br i1 %120, label %121, label %19

121:
  %122 = getelementptr i8, ptr %12, i64 %17
  %123 = load ptr, ptr %122, align 8
  %124 = getelementptr i8, ptr %122, i64 16
  %125 = load ptr, ptr %124, align 8
  %126 = load i64, ptr %125, align 8
  %127 = call i1 @0(ptr nonnull %0, ptr %13, i64 5, i32 1, i32 1281)
  br i1 %127, label %128, label %19

128:
  %129 = getelementptr i8, ptr %13, i64 %17
  %130 = load ptr, ptr %129, align 8
  %131 = getelementptr i8, ptr %129, i64 16
  %132 = load ptr, ptr %131, align 8
  %133 = load i64, ptr %132, align 8
  %134 = shl i64 %133, 3
  %135 = ashr exact i64 %134, 3
  %136 = call i1 @0(ptr nonnull %0, ptr %14, i64 4, i32 2, i32 1281)
  br i1 %136, label %137, label %19

137:
  %138 = getelementptr i8, ptr %14, i64 %17
  %139 = load ptr, ptr %138, align 8
  %140 = getelementptr i8, ptr %138, i64 16
  %141 = load ptr, ptr %140, align 8
  %142 = getelementptr i8, ptr %141, i64 8
  %143 = load i64, ptr %142, align 8
  %144 = load i64, ptr %141, align 8
  %145 = call i1 @0(ptr nonnull %0, ptr %15, i64 4, i32 2, i32 1281)
  br i1 %145, label %146, label %19

146:
  %147 = getelementptr i8, ptr %15, i64 %17
  %148 = load ptr, ptr %147, align 8
  %149 = getelementptr i8, ptr %147, i64 16
  %150 = load ptr, ptr %149, align 8
  %151 = getelementptr i8, ptr %150, i64 8
  %152 = load i64, ptr %151, align 8
  %153 = load i64, ptr %150, align 8
  %154 = alloca ptr, align 8
  call void @7(ptr nonnull %154, ptr %23, i64 %26, ptr %30, i64 %33, ptr %37, i64 %42, i64 %41, ptr %46, i64 %52, i64 %50, ptr %56, i64 %61, i64 %60, i64 %70, ptr %65, i64 %68, ptr %74, i64 %79, i64 %78, ptr %83, i64 %88, i64 %87, ptr %92, i64 %97, i64 %96, ptr %101, i64 %108, i64 %107, i64 %105, ptr %112, i64 %119, i64 %118, i64 %116, i64 %126, ptr %123, i64 %126, i64 %135, ptr %130, i64 %133, ptr %139, i64 %144, i64 %143, ptr %148, i64 %153, i64 %152)
  br label %19
}

define i64 @_kernels.remove_mask(ptr %0, ptr %1, ptr %2, ptr %3, ptr %4, ptr %5, ptr %6, ptr %7, ptr %8, i64 %9, ptr %10, ptr %11) {
  %13 = load i64, ptr %0, align 8
  %14 = call i1 @0(ptr nonnull %0, ptr %1, i64 4, i32 2, i32 257)
  br i1 %14, label %17, label %15

15:
  %16 = phi i64 [ 0, %101 ], [ -1, %12 ], [ -2, %17 ], [ -3, %26 ], [ -4, %36 ], [ -5, %45 ], [ -6, %54 ], [ -7, %63 ], [ -8, %72 ], [ -10, %83 ], [ -11, %94 ]
  ret i64 %16

17:
  %18 = getelementptr i8, ptr %1, i64 %13
  %19 = load ptr, ptr %18, align 8
  %20 = getelementptr i8, ptr %18, i64 16
  %21 = load ptr, ptr %20, align 8
  %22 = getelementptr i8, ptr %21, i64 8
  %23 = load i64, ptr %22, align 8
  %24 = load i64, ptr %21, align 8
  %25 = call i1 @0(ptr nonnull %0, ptr %2, i64 4, i32 3, i32 257)
  br i1 %25, label %26, label %15

26:
  %27 = getelementptr i8, ptr %2, i64 %13
  %28 = load ptr, ptr %27, align 8
  %29 = getelementptr i8, ptr %27, i64 16
  %30 = load ptr, ptr %29, align 8
  %31 = getelementptr i8, ptr %30, i64 16
  %32 = load i64, ptr %31, align 8
  %33 = getelementptr i8, ptr %30, i64 8
  %34 = load i64, ptr %33, align 8
  %35 = call i1 @0(ptr nonnull %0, ptr %3, i64 4, i32 1, i32 257)
  br i1 %35, label %36, label %15

36:
  %37 = getelementptr i8, ptr %3, i64 %13
  %38 = load ptr, ptr %37, align 8
  %39 = getelementptr i8, ptr %37, i64 16
  %40 = load ptr, ptr %39, align 8
  %41 = load i64, ptr %40, align 8
  %42 = shl i64 %41, 2
  %43 = ashr exact i64 %42, 2
  %44 = call i1 @0(ptr nonnull %0, ptr %4, i64 4, i32 2, i32 257)
  br i1 %44, label %45, label %15

45:
  %46 = getelementptr i8, ptr %4, i64 %13
  %47 = load ptr, ptr %46, align 8
  %48 = getelementptr i8, ptr %46, i64 16
  %49 = load ptr, ptr %48, align 8
  %50 = getelementptr i8, ptr %49, i64 8
  %51 = load i64, ptr %50, align 8
  %52 = load i64, ptr %49, align 8
  %53 = call i1 @0(ptr nonnull %0, ptr %5, i64 4, i32 2, i32 257)
  br i1 %53, label %54, label %15

54:
  %55 = getelementptr i8, ptr %5, i64 %13
  %56 = load ptr, ptr %55, align 8
  %57 = getelementptr i8, ptr %55, i64 16
  %58 = load ptr, ptr %57, align 8
  %59 = getelementptr i8, ptr %58, i64 8
  %60 = load i64, ptr %59, align 8
  %61 = load i64, ptr %58, align 8
  %62 = call i1 @0(ptr nonnull %0, ptr %6, i64 4, i32 2, i32 257)
  br i1 %62, label %63, label %15

63:
  %64 = getelementptr i8, ptr %6, i64 %13
  %65 = load ptr, ptr %64, align 8
  %66 = getelementptr i8, ptr %64, i64 16
  %67 = load ptr, ptr %66, align 8
  %68 = getelementptr i8, ptr %67, i64 8
  %69 = load i64, ptr %68, align 8
  %70 = load i64, ptr %67, align 8
  %71 = call i1 @0(ptr nonnull %0, ptr %7, i64 4, i32 3, i32 257)
  br i1 %71, label %72, label %15

72:
  %73 = getelementptr i8, ptr %7, i64 %13
  %74 = load ptr, ptr %73, align 8
  %75 = getelementptr i8, ptr %73, i64 16
  %76 = load ptr, ptr %75, align 8
  %77 = getelementptr i8, ptr %76, i64 16
  %78 = load i64, ptr %77, align 8
  %79 = getelementptr i8, ptr %76, i64 8
  %80 = load i64, ptr %79, align 8
  %81 = load i64, ptr %76, align 8
  %82 = call i1 @0(ptr nonnull %0, ptr %8, i64 4, i32 3, i32 257)
  br i1 %82, label %83, label %15

83:
  %84 = getelementptr i8, ptr %8, i64 %13
  %85 = load ptr, ptr %84, align 8
  %86 = getelementptr i8, ptr %84, i64 16
  %87 = load ptr, ptr %86, align 8
  %88 = getelementptr i8, ptr %87, i64 16
  %89 = load i64, ptr %88, align 8
  %90 = getelementptr i8, ptr %87, i64 8
  %91 = load i64, ptr %90, align 8
  %92 = load i64, ptr %87, align 8
  %93 = call i1 @0(ptr nonnull %0, ptr %10, i64 4, i32 1, i32 1281)
  br i1 %93, label %94, label %15

94:
  %95 = getelementptr i8, ptr %10, i64 %13
  %96 = load ptr, ptr %95, align 8
  %97 = getelementptr i8, ptr %95, i64 16
  %98 = load ptr, ptr %97, align 8
  %99 = load i64, ptr %98, align 8
  %100 = call i1 @0(ptr nonnull %0, ptr %11, i64 4, i32 2, i32 1281)
  br i1 %100, label %101, label %15

101:
  %102 = shl i64 %99, 2
  %103 = ashr exact i64 %102, 2
  %104 = getelementptr i8, ptr %11, i64 %13
  %105 = load ptr, ptr %104, align 8
  %106 = getelementptr i8, ptr %104, i64 16
  %107 = load ptr, ptr %106, align 8
  %108 = getelementptr i8, ptr %107, i64 8
  %109 = load i64, ptr %108, align 8
  %110 = load i64, ptr %107, align 8
  %111 = alloca ptr, align 8
  call void @9(ptr nonnull %111, ptr %19, i64 %24, i64 %23, ptr %28, i64 %34, i64 %32, i64 %43, ptr %38, i64 %41, ptr %47, i64 %52, i64 %51, ptr %56, i64 %61, i64 %60, ptr %65, i64 %70, i64 %69, ptr %74, i64 %81, i64 %80, i64 %78, ptr %85, i64 %92, i64 %91, i64 %89, i64 %9, i64 %103, ptr %96, i64 %99, ptr %105, i64 %110, i64 %109)
  br label %15
}

define i64 @_kernels.inner_products(ptr %0, ptr %1, ptr %2, ptr %3, ptr %4, ptr %5) {
  %7 = load i64, ptr %0, align 8
  %8 = call i1 @0(ptr nonnull %0, ptr %1, i64 4, i32 2, i32 257)
  br i1 %8, label %11, label %9

9:
  %10 = phi i64 [ %57, %45 ], [ -1, %6 ], [ -2, %11 ], [ -3, %20 ], [ -4, %29 ], [ -5, %38 ]
  ret i64 %10

11:
  %12 = getelementptr i8, ptr %1, i64 %7
  %13 = load ptr, ptr %12, align 8
  %14 = getelementptr i8, ptr %12, i64 16
  %15 = load ptr, ptr %14, align 8
  %16 = getelementptr i8, ptr %15, i64 8
  %17 = load i64, ptr %16, align 8
  %18 = load i64, ptr %15, align 8
  %19 = call i1 @0(ptr nonnull %0, ptr %2, i64 4, i32 2, i32 1281)
  br i1 %19, label %20, label %9

20:
  %21 = getelementptr i8, ptr %2, i64 %7
  %22 = load ptr, ptr %21, align 8
  %23 = getelementptr i8, ptr %21, i64 16
  %24 = load ptr, ptr %23, align 8
  %25 = getelementptr i8, ptr %24, i64 8
  %26 = load i64, ptr %25, align 8
  %27 = load i64, ptr %24, align 8
  %28 = call i1 @0(ptr nonnull %0, ptr %3, i64 4, i32 1, i32 257)
  br i1 %28, label %29, label %9

29:
  %30 = getelementptr i8, ptr %3, i64 %7
  %31 = load ptr, ptr %30, align 8
  %32 = getelementptr i8, ptr %30, i64 16
  %33 = load ptr, ptr %32, align 8
  %34 = load i64, ptr %33, align 8
  %35 = shl i64 %34, 2
  %36 = ashr exact i64 %35, 2
  %37 = call i1 @0(ptr nonnull %0, ptr %4, i64 4, i32 1, i32 1281)
  br i1 %37, label %38, label %9

38:
  %39 = getelementptr i8, ptr %4, i64 %7
  %40 = load ptr, ptr %39, align 8
  %41 = getelementptr i8, ptr %39, i64 16
  %42 = load ptr, ptr %41, align 8
  %43 = load i64, ptr %42, align 8
  %44 = call i1 @0(ptr nonnull %0, ptr %5, i64 4, i32 2, i32 1281)
  br i1 %44, label %45, label %9

45:
  %46 = shl i64 %43, 2
  %47 = ashr exact i64 %46, 2
  %48 = getelementptr i8, ptr %5, i64 %7
  %49 = load ptr, ptr %48, align 8
  %50 = getelementptr i8, ptr %48, i64 16
  %51 = load ptr, ptr %50, align 8
  %52 = getelementptr i8, ptr %51, i64 8
  %53 = load i64, ptr %52, align 8
  %54 = load i64, ptr %51, align 8
  %55 = alloca i8, align 1
  call void @10(ptr nonnull %55, ptr %13, i64 %18, i64 %17, ptr %22, i64 %27, i64 %26, i64 %36, ptr %31, i64 %34, i64 %47, ptr %40, i64 %43, ptr %49, i64 %54, i64 %53)
  %56 = load i8, ptr %55, align 1
  %57 = zext i8 %56 to i64
  br label %9
}

define i64 @_ntt.forward(ptr %0, ptr %1, ptr %2, i32 %3, ptr %4, ptr %5, ptr %6, ptr %7) {
  %9 = load i64, ptr %0, align 8
  %10 = call i1 @0(ptr nonnull %0, ptr %1, i64 4, i32 1, i32 1281)
  br i1 %10, label %13, label %11

11:
  %12 = phi i64 [ 0, %54 ], [ -1, %8 ], [ -2, %13 ], [ -4, %22 ], [ -5, %29 ], [ -6, %38 ], [ -7, %45 ]
  ret i64 %12

13:
  %14 = getelementptr i8, ptr %1, i64 %9
  %15 = load ptr, ptr %14, align 8
  %16 = getelementptr i8, ptr %14, i64 16
  %17 = load ptr, ptr %16, align 8
  %18 = load i64, ptr %17, align 8
  %19 = shl i64 %18, 2
  %20 = ashr exact i64 %19, 2
  %21 = call i1 @0(ptr nonnull %0, ptr %2, i64 4, i32 1, i32 1281)
  br i1 %21, label %22, label %11

22:
  %23 = getelementptr i8, ptr %2, i64 %9
  %24 = load ptr, ptr %23, align 8
  %25 = getelementptr i8, ptr %23, i64 16
  %26 = load ptr, ptr %25, align 8
  %27 = load i64, ptr %26, align 8
  %28 = call i1 @0(ptr nonnull %0, ptr %4, i64 4, i32 1, i32 257)
  br i1 %28, label %29, label %11

29:
  %30 = getelementptr i8, ptr %4, i64 %9
  %31 = load ptr, ptr %30, align 8
  %32 = getelementptr i8, ptr %30, i64 16
  %33 = load ptr, ptr %32, align 8
  %34 = load i64, ptr %33, align 8
  %35 = shl i64 %34, 2
  %36 = ashr exact i64 %35, 2
  %37 = call i1 @0(ptr nonnull %0, ptr %5, i64 4, i32 1, i32 257)
  br i1 %37, label %38, label %11

38:
  %39 = getelementptr i8, ptr %5, i64 %9
  %40 = load ptr, ptr %39, align 8
  %41 = getelementptr i8, ptr %39, i64 16
  %42 = load ptr, ptr %41, align 8
  %43 = load i64, ptr %42, align 8
  %44 = call i1 @0(ptr nonnull %0, ptr %6, i64 4, i32 2, i32 257)
  br i1 %44, label %45, label %11

45:
  %46 = getelementptr i8, ptr %6, i64 %9
  %47 = load ptr, ptr %46, align 8
  %48 = getelementptr i8, ptr %46, i64 16
  %49 = load ptr, ptr %48, align 8
  %50 = getelementptr i8, ptr %49, i64 8
  %51 = load i64, ptr %50, align 8
  %52 = load i64, ptr %49, align 8
  %53 = call i1 @0(ptr nonnull %0, ptr %7, i64 4, i32 2, i32 257)
  br i1 %53, label %54, label %11

54:
  %55 = getelementptr i8, ptr %7, i64 %9
  %56 = load ptr, ptr %55, align 8
  %57 = getelementptr i8, ptr %55, i64 16
  %58 = load ptr, ptr %57, align 8
  %59 = getelementptr i8, ptr %58, i64 8
  %60 = load i64, ptr %59, align 8
  %61 = load i64, ptr %58, align 8
  %62 = alloca ptr, align 8
  call void @4(ptr nonnull %62, i64 %20, ptr %15, i64 %18, ptr %24, i64 %27, i32 %3, i64 %36, ptr %31, i64 %34, ptr %40, i64 %43, ptr %47, i64 %52, i64 %51, ptr %56, i64 %61, i64 %60)
  br label %11
}

define i64 @_ntt.inverse(ptr %0, ptr %1, ptr %2, i32 %3, ptr %4, ptr %5, ptr %6, ptr %7) {
  %9 = load i64, ptr %0, align 8
  %10 = call i1 @0(ptr nonnull %0, ptr %1, i64 4, i32 1, i32 1281)
  br i1 %10, label %13, label %11

11:
  %12 = phi i64 [ 0, %56 ], [ -1, %8 ], [ -2, %13 ], [ -4, %22 ], [ -5, %31 ], [ -6, %40 ], [ -7, %47 ]
  ret i64 %12

13:
  %14 = getelementptr i8, ptr %1, i64 %9
  %15 = load ptr, ptr %14, align 8
  %16 = getelementptr i8, ptr %14, i64 16
  %17 = load ptr, ptr %16, align 8
  %18 = load i64, ptr %17, align 8
  %19 = shl i64 %18, 2
  %20 = ashr exact i64 %19, 2
  %21 = call i1 @0(ptr nonnull %0, ptr %2, i64 4, i32 1, i32 1281)
  br i1 %21, label %22, label %11

22:
  %23 = getelementptr i8, ptr %2, i64 %9
  %24 = load ptr, ptr %23, align 8
  %25 = getelementptr i8, ptr %23, i64 16
  %26 = load ptr, ptr %25, align 8
  %27 = load i64, ptr %26, align 8
  %28 = shl i64 %27, 2
  %29 = ashr exact i64 %28, 2
  %30 = call i1 @0(ptr nonnull %0, ptr %4, i64 4, i32 1, i32 257)
  br i1 %30, label %31, label %11

31:
  %32 = getelementptr i8, ptr %4, i64 %9
  %33 = load ptr, ptr %32, align 8
  %34 = getelementptr i8, ptr %32, i64 16
  %35 = load ptr, ptr %34, align 8
  %36 = load i64, ptr %35, align 8
  %37 = shl i64 %36, 2
  %38 = ashr exact i64 %37, 2
  %39 = call i1 @0(ptr nonnull %0, ptr %5, i64 4, i32 1, i32 257)
  br i1 %39, label %40, label %11

40:
  %41 = getelementptr i8, ptr %5, i64 %9
  %42 = load ptr, ptr %41, align 8
  %43 = getelementptr i8, ptr %41, i64 16
  %44 = load ptr, ptr %43, align 8
  %45 = load i64, ptr %44, align 8
  %46 = call i1 @0(ptr nonnull %0, ptr %6, i64 4, i32 2, i32 257)
  br i1 %46, label %47, label %11

47:
  %48 = getelementptr i8, ptr %6, i64 %9
  %49 = load ptr, ptr %48, align 8
  %50 = getelementptr i8, ptr %48, i64 16
  %51 = load ptr, ptr %50, align 8
  %52 = getelementptr i8, ptr %51, i64 8
  %53 = load i64, ptr %52, align 8
  %54 = load i64, ptr %51, align 8
  %55 = call i1 @0(ptr nonnull %0, ptr %7, i64 4, i32 2, i32 257)
  br i1 %55, label %56, label %11

56:
  %57 = getelementptr i8, ptr %7, i64 %9
  %58 = load ptr, ptr %57, align 8
  %59 = getelementptr i8, ptr %57, i64 16
  %60 = load ptr, ptr %59, align 8
  %61 = getelementptr i8, ptr %60, i64 8
  %62 = load i64, ptr %61, align 8
  %63 = load i64, ptr %60, align 8
  %64 = alloca ptr, align 8
  call void @8(ptr nonnull %64, i64 %20, ptr %15, i64 %18, i64 %29, ptr %24, i64 %27, i32 %3, i64 %38, ptr %33, i64 %36, ptr %42, i64 %45, ptr %49, i64 %54, i64 %53, ptr %58, i64 %63, i64 %62)
  br label %11
}

define i64 @masks._pack(ptr %0, ptr %1, i64 %2, ptr %3) {
  %5 = load i64, ptr %0, align 8
  %6 = call i1 @0(ptr nonnull %0, ptr %1, i64 4, i32 1, i32 257)
  br i1 %6, label %9, label %7

7:
  %8 = phi i64 [ 0, %16 ], [ -1, %4 ], [ -3, %9 ]
  ret i64 %8

9:
  %10 = getelementptr i8, ptr %1, i64 %5
  %11 = load ptr, ptr %10, align 8
  %12 = getelementptr i8, ptr %10, i64 16
  %13 = load ptr, ptr %12, align 8
  %14 = load i64, ptr %13, align 8
  %15 = call i1 @0(ptr nonnull %0, ptr %3, i64 2, i32 1, i32 1281)
  br i1 %15, label %16, label %7

16:
  %17 = shl i64 %14, 2
  %18 = ashr exact i64 %17, 2
  %19 = getelementptr i8, ptr %3, i64 %5
  %20 = load ptr, ptr %19, align 8
  %21 = getelementptr i8, ptr %19, i64 16
  %22 = load ptr, ptr %21, align 8
  %23 = load i64, ptr %22, align 8
  %24 = alloca ptr, align 8
  call void @11(ptr nonnull %24, i64 %18, ptr %11, i64 %14, i64 %2, ptr %20, i64 %23)
  br label %7
}

define i64 @masks._used_bits(ptr %0, ptr %1, i64 %2) {
  %4 = load i64, ptr %0, align 8
  %5 = call i1 @0(ptr nonnull %0, ptr %1, i64 2, i32 1, i32 257)
  br i1 %5, label %8, label %6

6:
  %7 = phi i64 [ %15, %8 ], [ -1, %3 ]
  ret i64 %7

8:
  %9 = getelementptr i8, ptr %1, i64 %4
  %10 = load ptr, ptr %9, align 8
  %11 = getelementptr i8, ptr %9, i64 16
  %12 = load ptr, ptr %11, align 8
  %13 = load i64, ptr %12, align 8
  %14 = alloca i64, align 8
  call void @12(ptr nonnull %14, i64 %13, ptr %10, i64 %13, i64 %2)
  %15 = load i64, ptr %14, align 8
  br label %6
}

define i64 @masks._add_lanes(ptr %0, ptr %1, i64 %2, i32 %3, ptr %4) {
  %6 = load i64, ptr %0, align 8
  %7 = call i1 @0(ptr nonnull %0, ptr %1, i64 2, i32 1, i32 257)
  br i1 %7, label %10, label %8

8:
  %9 = phi i64 [ 0, %17 ], [ -1, %5 ], [ -4, %10 ]
  ret i64 %9

10:
  %11 = getelementptr i8, ptr %1, i64 %6
  %12 = load ptr, ptr %11, align 8
  %13 = getelementptr i8, ptr %11, i64 16
  %14 = load ptr, ptr %13, align 8
  %15 = load i64, ptr %14, align 8
  %16 = call i1 @0(ptr nonnull %0, ptr %4, i64 4, i32 1, i32 1281)
  br i1 %16, label %17, label %8

17:
  %18 = getelementptr i8, ptr %4, i64 %6
  %19 = load ptr, ptr %18, align 8
  %20 = getelementptr i8, ptr %18, i64 16
  %21 = load ptr, ptr %20, align 8
  %22 = load i64, ptr %21, align 8
  %23 = shl i64 %22, 2
  %24 = ashr exact i64 %23, 2
  %25 = alloca ptr, align 8
  call void @13(ptr nonnull %25, ptr %12, i64 %15, i64 %2, i32 %3, i64 %24, ptr %19, i64 %22)
  br label %8
}

define i64 @packing._pack_rows(ptr %0, ptr %1, ptr %2) {
  %4 = load i64, ptr %0, align 8
  %5 = call i1 @0(ptr nonnull %0, ptr %1, i64 4, i32 2, i32 257)
  br i1 %5, label %8, label %6

6:
  %7 = phi i64 [ 0, %17 ], [ -1, %3 ], [ -2, %8 ]
  ret i64 %7

8:
  %9 = getelementptr i8, ptr %1, i64 %4
  %10 = load ptr, ptr %9, align 8
  %11 = getelementptr i8, ptr %9, i64 16
  %12 = load ptr, ptr %11, align 8
  %13 = getelementptr i8, ptr %12, i64 8
  %14 = load i64, ptr %13, align 8
  %15 = load i64, ptr %12, align 8
  %16 = call i1 @0(ptr nonnull %0, ptr %2, i64 4, i32 2, i32 1281)
  br i1 %16, label %17, label %6

17:
  %18 = getelementptr i8, ptr %2, i64 %4
  %19 = load ptr, ptr %18, align 8
  %20 = getelementptr i8, ptr %18, i64 16
  %21 = load ptr, ptr %20, align 8
  %22 = getelementptr i8, ptr %21, i64 8
  %23 = load i64, ptr %22, align 8
  %24 = load i64, ptr %21, align 8
  %25 = alloca ptr, align 8
  call void @14(ptr nonnull %25, ptr %10, i64 %15, i64 %14, ptr %19, i64 %24, i64 %23)
  br label %6
}

define i64 @packing._unpack_rows(ptr %0, ptr %1, ptr %2, ptr %3) {
  %5 = load i64, ptr %0, align 8
  %6 = call i1 @0(ptr nonnull %0, ptr %1, i64 4, i32 2, i32 257)
  br i1 %6, label %9, label %7

7:
  %8 = phi i64 [ %36, %25 ], [ -1, %4 ], [ -2, %9 ], [ -3, %18 ]
  ret i64 %8

9:
  %10 = getelementptr i8, ptr %1, i64 %5
  %11 = load ptr, ptr %10, align 8
  %12 = getelementptr i8, ptr %10, i64 16
  %13 = load ptr, ptr %12, align 8
  %14 = getelementptr i8, ptr %13, i64 8
  %15 = load i64, ptr %14, align 8
  %16 = load i64, ptr %13, align 8
  %17 = call i1 @0(ptr nonnull %0, ptr %2, i64 4, i32 1, i32 257)
  br i1 %17, label %18, label %7

18:
  %19 = getelementptr i8, ptr %2, i64 %5
  %20 = load ptr, ptr %19, align 8
  %21 = getelementptr i8, ptr %19, i64 16
  %22 = load ptr, ptr %21, align 8
  %23 = load i64, ptr %22, align 8
  %24 = call i1 @0(ptr nonnull %0, ptr %3, i64 4, i32 2, i32 1281)
  br i1 %24, label %25, label %7

25:
  %26 = shl i64 %23, 2
  %27 = ashr exact i64 %26, 2
  %28 = getelementptr i8, ptr %3, i64 %5
  %29 = load ptr, ptr %28, align 8
  %30 = getelementptr i8, ptr %28, i64 16
  %31 = load ptr, ptr %30, align 8
  %32 = getelementptr i8, ptr %31, i64 8
  %33 = load i64, ptr %32, align 8
  %34 = load i64, ptr %31, align 8
  %35 = alloca i64, align 8
  call void @15(ptr nonnull %35, ptr %11, i64 %16, i64 %15, i64 %27, ptr %20, i64 %23, ptr %29, i64 %34, i64 %33)
  %36 = load i64, ptr %35, align 8
  br label %7
}

define i64 @packing.count_outside(ptr %0, ptr %1, ptr %2, ptr %3) {
  %5 = load i64, ptr %0, align 8
  %6 = call i1 @0(ptr nonnull %0, ptr %1, i64 4, i32 2, i32 257)
  br i1 %6, label %9, label %7

7:
  %8 = phi i64 [ %36, %25 ], [ -1, %4 ], [ -2, %9 ], [ -3, %18 ]
  ret i64 %8

9:
  %10 = getelementptr i8, ptr %1, i64 %5
  %11 = load ptr, ptr %10, align 8
  %12 = getelementptr i8, ptr %10, i64 16
  %13 = load ptr, ptr %12, align 8
  %14 = getelementptr i8, ptr %13, i64 8
  %15 = load i64, ptr %14, align 8
  %16 = load i64, ptr %13, align 8
  %17 = call i1 @0(ptr nonnull %0, ptr %2, i64 4, i32 1, i32 257)
  br i1 %17, label %18, label %7

18:
  %19 = getelementptr i8, ptr %2, i64 %5
  %20 = load ptr, ptr %19, align 8
  %21 = getelementptr i8, ptr %19, i64 16
  %22 = load ptr, ptr %21, align 8
  %23 = load i64, ptr %22, align 8
  %24 = call i1 @0(ptr nonnull %0, ptr %3, i64 4, i32 1, i32 1281)
  br i1 %24, label %25, label %7

25:
  %26 = shl i64 %23, 2
  %27 = ashr exact i64 %26, 2
  %28 = getelementptr i8, ptr %3, i64 %5
  %29 = load ptr, ptr %28, align 8
  %30 = getelementptr i8, ptr %28, i64 16
  %31 = load ptr, ptr %30, align 8
  %32 = load i64, ptr %31, align 8
  %33 = shl i64 %32, 2
  %34 = ashr exact i64 %33, 2
  %35 = alloca i64, align 8
  call void @16(ptr nonnull %35, ptr %11, i64 %16, i64 %15, i64 %27, ptr %20, i64 %23, i64 %34, ptr %29, i64 %32)
  %36 = load i64, ptr %35, align 8
  br label %7
}

define i64 @packing.add_rows(ptr %0, ptr %1, ptr %2, ptr %3, ptr %4) {
  %6 = load i64, ptr %0, align 8
  %7 = call i1 @0(ptr nonnull %0, ptr %1, i64 4, i32 2, i32 257)
  br i1 %7, label %10, label %8

8:
  %9 = phi i64 [ %46, %35 ], [ -1, %5 ], [ -2, %10 ], [ -3, %19 ], [ -4, %28 ]
  ret i64 %9

10:
  %11 = getelementptr i8, ptr %1, i64 %6
  %12 = load ptr, ptr %11, align 8
  %13 = getelementptr i8, ptr %11, i64 16
  %14 = load ptr, ptr %13, align 8
  %15 = getelementptr i8, ptr %14, i64 8
  %16 = load i64, ptr %15, align 8
  %17 = load i64, ptr %14, align 8
  %18 = call i1 @0(ptr nonnull %0, ptr %2, i64 4, i32 1, i32 257)
  br i1 %18, label %19, label %8

19:
  %20 = getelementptr i8, ptr %2, i64 %6
  %21 = load ptr, ptr %20, align 8
  %22 = getelementptr i8, ptr %20, i64 16
  %23 = load ptr, ptr %22, align 8
  %24 = load i64, ptr %23, align 8
  %25 = shl i64 %24, 2
  %26 = ashr exact i64 %25, 2
  %27 = call i1 @0(ptr nonnull %0, ptr %3, i64 4, i32 1, i32 1281)
  br i1 %27, label %28, label %8

28:
  %29 = getelementptr i8, ptr %3, i64 %6
  %30 = load ptr, ptr %29, align 8
  %31 = getelementptr i8, ptr %29, i64 16
  %32 = load ptr, ptr %31, align 8
  %33 = load i64, ptr %32, align 8
  %34 = call i1 @0(ptr nonnull %0, ptr %4, i64 4, i32 2, i32 1281)
  br i1 %34, label %35, label %8

35:
  %36 = shl i64 %33, 2
  %37 = ashr exact i64 %36, 2
  %38 = getelementptr i8, ptr %4, i64 %6
  %39 = load ptr, ptr %38, align 8
  %40 = getelementptr i8, ptr %38, i64 16
  %41 = load ptr, ptr %40, align 8
  %42 = getelementptr i8, ptr %41, i64 8
  %43 = load i64, ptr %42, align 8
  %44 = load i64, ptr %41, align 8
  %45 = alloca i64, align 8
  call void @17(ptr nonnull %45, ptr %12, i64 %17, i64 %16, i64 %26, ptr %21, i64 %24, i64 %37, ptr %30, i64 %33, ptr %39, i64 %44, i64 %43)
  %46 = load i64, ptr %45, align 8
  br label %8
}

define i64 @sampling._accept_16(ptr %0, ptr %1, i32 %2, i32 %3, ptr %4, i64 %5) {
  %7 = load i64, ptr %0, align 8
  %8 = call i1 @0(ptr nonnull %0, ptr %1, i64 3, i32 1, i32 257)
  br i1 %8, label %11, label %9

9:
  %10 = phi i64 [ %29, %18 ], [ -1, %6 ], [ -4, %11 ]
  ret i64 %10

11:
  %12 = getelementptr i8, ptr %1, i64 %7
  %13 = load ptr, ptr %12, align 8
  %14 = getelementptr i8, ptr %12, i64 16
  %15 = load ptr, ptr %14, align 8
  %16 = load i64, ptr %15, align 8
  %17 = call i1 @0(ptr nonnull %0, ptr %4, i64 4, i32 1, i32 1281)
  br i1 %17, label %18, label %9

18:
  %19 = shl i64 %16, 1
  %20 = ashr exact i64 %19, 1
  %21 = getelementptr i8, ptr %4, i64 %7
  %22 = load ptr, ptr %21, align 8
  %23 = getelementptr i8, ptr %21, i64 16
  %24 = load ptr, ptr %23, align 8
  %25 = load i64, ptr %24, align 8
  %26 = shl i64 %25, 2
  %27 = ashr exact i64 %26, 2
  %28 = alloca i64, align 8
  call void @18(ptr nonnull %28, i64 %20, ptr %13, i64 %16, i32 %2, i32 %3, i64 %27, ptr %22, i64 %25, i64 %5)
  %29 = load i64, ptr %28, align 8
  br label %9
}

define i64 @sampling._accept_32(ptr %0, ptr %1, i32 %2, i32 %3, ptr %4, i64 %5) {
  %7 = load i64, ptr %0, align 8
  %8 = call i1 @0(ptr nonnull %0, ptr %1, i64 4, i32 1, i32 257)
  br i1 %8, label %11, label %9

9:
  %10 = phi i64 [ %29, %18 ], [ -1, %6 ], [ -4, %11 ]
  ret i64 %10

11:
  %12 = getelementptr i8, ptr %1, i64 %7
  %13 = load ptr, ptr %12, align 8
  %14 = getelementptr i8, ptr %12, i64 16
  %15 = load ptr, ptr %14, align 8
  %16 = load i64, ptr %15, align 8
  %17 = call i1 @0(ptr nonnull %0, ptr %4, i64 4, i32 1, i32 1281)
  br i1 %17, label %18, label %9

18:
  %19 = shl i64 %16, 2
  %20 = ashr exact i64 %19, 2
  %21 = getelementptr i8, ptr %4, i64 %7
  %22 = load ptr, ptr %21, align 8
  %23 = getelementptr i8, ptr %21, i64 16
  %24 = load ptr, ptr %23, align 8
  %25 = load i64, ptr %24, align 8
  %26 = shl i64 %25, 2
  %27 = ashr exact i64 %26, 2
  %28 = alloca i64, align 8
  call void @19(ptr nonnull %28, i64 %20, ptr %13, i64 %16, i32 %2, i32 %3, i64 %27, ptr %22, i64 %25, i64 %5)
  %29 = load i64, ptr %28, align 8
  br label %9
}

define i64 @sampling._accept_rows(ptr %0, ptr %1, ptr %2, ptr %3) {
  %5 = load i64, ptr %0, align 8
  %6 = call i1 @0(ptr nonnull %0, ptr %1, i64 4, i32 2, i32 257)
  br i1 %6, label %9, label %7

7:
  %8 = phi i64 [ %36, %25 ], [ -1, %4 ], [ -2, %9 ], [ -3, %18 ]
  ret i64 %8

9:
  %10 = getelementptr i8, ptr %1, i64 %5
  %11 = load ptr, ptr %10, align 8
  %12 = getelementptr i8, ptr %10, i64 16
  %13 = load ptr, ptr %12, align 8
  %14 = getelementptr i8, ptr %13, i64 8
  %15 = load i64, ptr %14, align 8
  %16 = load i64, ptr %13, align 8
  %17 = call i1 @0(ptr nonnull %0, ptr %2, i64 4, i32 1, i32 257)
  br i1 %17, label %18, label %7

18:
  %19 = getelementptr i8, ptr %2, i64 %5
  %20 = load ptr, ptr %19, align 8
  %21 = getelementptr i8, ptr %19, i64 16
  %22 = load ptr, ptr %21, align 8
  %23 = load i64, ptr %22, align 8
  %24 = call i1 @0(ptr nonnull %0, ptr %3, i64 4, i32 2, i32 1281)
  br i1 %24, label %25, label %7

25:
  %26 = shl i64 %23, 2
  %27 = ashr exact i64 %26, 2
  %28 = getelementptr i8, ptr %3, i64 %5
  %29 = load ptr, ptr %28, align 8
  %30 = getelementptr i8, ptr %28, i64 16
  %31 = load ptr, ptr %30, align 8
  %32 = getelementptr i8, ptr %31, i64 8
  %33 = load i64, ptr %32, align 8
  %34 = load i64, ptr %31, align 8
  %35 = alloca i64, align 8
  call void @20(ptr nonnull %35, ptr %11, i64 %16, i64 %15, i64 %27, ptr %20, i64 %23, ptr %29, i64 %34, i64 %33)
  %36 = load i64, ptr %35, align 8
  br label %7
}

define i64 @sampling.binomial_into(ptr %0, ptr %1, ptr %2) {
  %4 = load i64, ptr %0, align 8
  %5 = call i1 @0(ptr nonnull %0, ptr %1, i64 5, i32 1, i32 257)
  br i1 %5, label %8, label %6

6:
  %7 = phi i64 [ 0, %15 ], [ -1, %3 ], [ -2, %8 ]
  ret i64 %7

8:
  %9 = getelementptr i8, ptr %1, i64 %4
  %10 = load ptr, ptr %9, align 8
  %11 = getelementptr i8, ptr %9, i64 16
  %12 = load ptr, ptr %11, align 8
  %13 = load i64, ptr %12, align 8
  %14 = call i1 @0(ptr nonnull %0, ptr %2, i64 6, i32 1, i32 1281)
  br i1 %14, label %15, label %6

15:
  %16 = getelementptr i8, ptr %2, i64 %4
  %17 = load ptr, ptr %16, align 8
  %18 = getelementptr i8, ptr %16, i64 16
  %19 = load ptr, ptr %18, align 8
  %20 = load i64, ptr %19, align 8
  %21 = alloca ptr, align 8
  call void @6(ptr nonnull %21, ptr %10, i64 %13, i64 %20, ptr %17, i64 %20)
  br label %6
}

define i64 @shamir._combine(ptr %0, ptr %1, ptr %2, i64 %3, ptr %4, ptr %5, ptr %6, ptr %7) {
  %9 = load i64, ptr %0, align 8
  %10 = call i1 @0(ptr nonnull %0, ptr %1, i64 4, i32 2, i32 257)
  br i1 %10, label %13, label %11

11:
  %12 = phi i64 [ 0, %54 ], [ -1, %8 ], [ -2, %13 ], [ -4, %22 ], [ -5, %31 ], [ -6, %40 ], [ -7, %47 ]
  ret i64 %12

13:
  %14 = getelementptr i8, ptr %1, i64 %9
  %15 = load ptr, ptr %14, align 8
  %16 = getelementptr i8, ptr %14, i64 16
  %17 = load ptr, ptr %16, align 8
  %18 = getelementptr i8, ptr %17, i64 8
  %19 = load i64, ptr %18, align 8
  %20 = load i64, ptr %17, align 8
  %21 = call i1 @0(ptr nonnull %0, ptr %2, i64 4, i32 2, i32 257)
  br i1 %21, label %22, label %11

22:
  %23 = getelementptr i8, ptr %2, i64 %9
  %24 = load ptr, ptr %23, align 8
  %25 = getelementptr i8, ptr %23, i64 16
  %26 = load ptr, ptr %25, align 8
  %27 = getelementptr i8, ptr %26, i64 8
  %28 = load i64, ptr %27, align 8
  %29 = load i64, ptr %26, align 8
  %30 = call i1 @0(ptr nonnull %0, ptr %4, i64 4, i32 2, i32 1281)
  br i1 %30, label %31, label %11

31:
  %32 = getelementptr i8, ptr %4, i64 %9
  %33 = load ptr, ptr %32, align 8
  %34 = getelementptr i8, ptr %32, i64 16
  %35 = load ptr, ptr %34, align 8
  %36 = getelementptr i8, ptr %35, i64 8
  %37 = load i64, ptr %36, align 8
  %38 = load i64, ptr %35, align 8
  %39 = call i1 @0(ptr nonnull %0, ptr %5, i64 5, i32 1, i32 1281)
  br i1 %39, label %40, label %11

40:
  %41 = getelementptr i8, ptr %5, i64 %9
  %42 = load ptr, ptr %41, align 8
  %43 = getelementptr i8, ptr %41, i64 16
  %44 = load ptr, ptr %43, align 8
  %45 = load i64, ptr %44, align 8
  %46 = call i1 @0(ptr nonnull %0, ptr %6, i64 5, i32 1, i32 1281)
  br i1 %46, label %47, label %11

47:
  %48 = getelementptr i8, ptr %6, i64 %9
  %49 = load ptr, ptr %48, align 8
  %50 = getelementptr i8, ptr %48, i64 16
  %51 = load ptr, ptr %50, align 8
  %52 = load i64, ptr %51, align 8
  %53 = call i1 @0(ptr nonnull %0, ptr %7, i64 4, i32 2, i32 1281)
  br i1 %53, label %54, label %11

54:
  %55 = getelementptr i8, ptr %7, i64 %9
  %56 = load ptr, ptr %55, align 8
  %57 = getelementptr i8, ptr %55, i64 16
  %58 = load ptr, ptr %57, align 8
  %59 = getelementptr i8, ptr %58, i64 8
  %60 = load i64, ptr %59, align 8
  %61 = load i64, ptr %58, align 8
  %62 = alloca ptr, align 8
  call void @21(ptr nonnull %62, ptr %15, i64 %20, i64 %19, ptr %24, i64 %29, i64 %28, i64 %3, ptr %33, i64 %38, i64 %37, ptr %42, i64 %45, ptr %49, i64 %52, ptr %56, i64 %61, i64 %60)
  br label %11
}

define internal void @1(ptr noalias nonnull %0, ptr %1, i64 %2, i64 %3, i64 %4, ptr %5, i64 %6, ptr %7, i64 %8, i64 %9, ptr %10, i64 %11, i64 %12) {
  %14 = call i64 @llvm.smax.i64(i64 %4, i64 1)
  br label %15

15:
  %16 = phi i64 [ 1, %13 ], [ %36, %30 ]
  %17 = phi i64 [ %14, %13 ], [ %18, %30 ]
  %18 = add nsw i64 %17, -1
  %19 = icmp sgt i64 %17, 1
  br i1 %19, label %35, label %34

20:
  %21 = phi i64 [ 0, %35 ], [ %50, %24 ]
  %22 = phi i64 [ %47, %35 ], [ %49, %24 ]
  %23 = icmp sgt i64 %22, 0
  br i1 %23, label %48, label %28

24:
  %25 = phi i64 [ 0, %48 ], [ %75, %73 ]
  %26 = phi i64 [ %72, %48 ], [ %74, %73 ]
  %27 = icmp sgt i64 %26, 0
  br i1 %27, label %73, label %20

28:
  %29 = call i64 @llvm.smax.i64(i64 %3, i64 0)
  br label %30

30:
  %31 = phi i64 [ 0, %28 ], [ %96, %94 ]
  %32 = phi i64 [ %29, %28 ], [ %95, %94 ]
  %33 = icmp sgt i64 %32, 0
  br i1 %33, label %94, label %15

34:
  store ptr null, ptr %0, align 8
  ret void

35:
  %36 = add i64 %16, 1
  %37 = icmp slt i64 %16, 0
  %38 = select i1 %37, i64 %6, i64 0
  %39 = getelementptr i32, ptr %5, i64 %16
  %40 = getelementptr i32, ptr %39, i64 %38
  %41 = load i32, ptr %40, align 4
  %42 = shl i32 %41, 1
  %43 = select i1 %37, i64 %2, i64 0
  %44 = add i64 %16, %43
  %45 = mul i64 %44, %3
  %46 = getelementptr i32, ptr %1, i64 %45
  %47 = call i64 @llvm.smax.i64(i64 %16, i64 0)
  br label %20

48:
  %49 = add nsw i64 %22, -1
  %50 = add i64 %21, 1
  %51 = select i1 %37, i64 %8, i64 0
  %52 = add i64 %16, %51
  %53 = icmp slt i64 %21, 0
  %54 = select i1 %53, i64 %9, i64 0
  %55 = mul i64 %52, %9
  %56 = getelementptr i32, ptr %7, i64 %55
  %57 = getelementptr i32, ptr %56, i64 %21
  %58 = getelementptr i32, ptr %57, i64 %54
  %59 = load i32, ptr %58, align 4
  %60 = select i1 %37, i64 %11, i64 0
  %61 = add i64 %16, %60
  %62 = select i1 %53, i64 %12, i64 0
  %63 = mul i64 %61, %12
  %64 = getelementptr i32, ptr %10, i64 %63
  %65 = getelementptr i32, ptr %64, i64 %21
  %66 = getelementptr i32, ptr %65, i64 %62
  %67 = load i32, ptr %66, align 4
  %68 = select i1 %53, i64 %2, i64 0
  %69 = add i64 %21, %68
  %70 = mul i64 %69, %3
  %71 = getelementptr i32, ptr %1, i64 %70
  %72 = call i64 @llvm.smax.i64(i64 %3, i64 0)
  br label %24

73:
  %74 = add nsw i64 %26, -1
  %75 = add i64 %25, 1
  %76 = icmp slt i64 %25, 0
  %77 = select i1 %76, i64 %3, i64 0
  %78 = getelementptr i32, ptr %46, i64 %25
  %79 = getelementptr i32, ptr %78, i64 %77
  %80 = load i32, ptr %79, align 4
  %81 = getelementptr i32, ptr %71, i64 %25
  %82 = getelementptr i32, ptr %81, i64 %77
  %83 = load i32, ptr %82, align 4
  %84 = sub i32 %42, %83
  %85 = add i32 %80, %84
  %86 = zext i32 %85 to i64
  %87 = zext i32 %67 to i64
  %88 = mul nuw i64 %86, %87
  %89 = lshr i64 %88, 32
  %90 = trunc nuw i64 %89 to i32
  %91 = mul i32 %85, %59
  %92 = mul i32 %41, %90
  %93 = sub i32 %91, %92
  store i32 %93, ptr %79, align 4
  br label %24

94:
  %95 = add nsw i64 %32, -1
  %96 = add i64 %31, 1
  %97 = icmp slt i64 %31, 0
  %98 = select i1 %97, i64 %3, i64 0
  %99 = getelementptr i32, ptr %46, i64 %31
  %100 = getelementptr i32, ptr %99, i64 %98
  %101 = load i32, ptr %100, align 4
  %102 = sub i32 %101, %41
  %103 = call i32 @llvm.umin.i32(i32 %102, i32 %101)
  store i32 %103, ptr %100, align 4
  br label %30
}

define internal void @2(ptr noalias nonnull %0, ptr %1, i64 %2, i64 %3, i64 %4, ptr %5, i64 %6, ptr %7, i64 %8, i64 %9) {
  %11 = add nsw i64 %4, -1
  %12 = icmp sgt i64 %4, 0
  %13 = select i1 %12, i64 0, i64 %2
  %14 = add i64 %11, %13
  %15 = mul i64 %14, %3
  %16 = getelementptr i32, ptr %1, i64 %15
  %17 = call i64 @llvm.smax.i64(i64 %9, i64 0)
  br label %18

18:
  %19 = phi i64 [ 0, %10 ], [ %24, %22 ]
  %20 = phi i64 [ %17, %10 ], [ %23, %22 ]
  %21 = icmp sgt i64 %20, 0
  br i1 %21, label %22, label %33

22:
  %23 = add nsw i64 %20, -1
  %24 = add i64 %19, 1
  %25 = icmp slt i64 %19, 0
  %26 = select i1 %25, i64 %3, i64 0
  %27 = getelementptr i32, ptr %16, i64 %19
  %28 = getelementptr i32, ptr %27, i64 %26
  %29 = load i32, ptr %28, align 4
  %30 = select i1 %25, i64 %9, i64 0
  %31 = getelementptr i32, ptr %7, i64 %19
  %32 = getelementptr i32, ptr %31, i64 %30
  store i32 %29, ptr %32, align 4
  br label %18

33:
  %34 = icmp slt i64 %8, 2
  br i1 %34, label %69, label %70

35:
  %36 = phi i64 [ %79, %78 ], [ %90, %53 ]
  %37 = phi i64 [ %80, %78 ], [ %89, %53 ]
  %38 = icmp sgt i64 %37, 0
  br i1 %38, label %88, label %68

39:
  %40 = phi i64 [ 0, %88 ], [ %106, %43 ]
  %41 = phi i64 [ %103, %88 ], [ %105, %43 ]
  %42 = icmp sgt i64 %41, 0
  br i1 %42, label %104, label %47

43:
  %44 = phi i64 [ 0, %104 ], [ %114, %112 ]
  %45 = phi i64 [ %17, %104 ], [ %113, %112 ]
  %46 = icmp sgt i64 %45, 0
  br i1 %46, label %112, label %39

47:
  %48 = icmp slt i64 %102, 0
  %49 = select i1 %48, i64 %8, i64 0
  %50 = add i64 %102, %49
  %51 = mul i64 %50, %9
  %52 = getelementptr i32, ptr %7, i64 %51
  br label %53

53:
  %54 = phi i64 [ 0, %47 ], [ %59, %57 ]
  %55 = phi i64 [ %17, %47 ], [ %58, %57 ]
  %56 = icmp sgt i64 %55, 0
  br i1 %56, label %57, label %35

57:
  %58 = add nsw i64 %55, -1
  %59 = add i64 %54, 1
  %60 = icmp slt i64 %54, 0
  %61 = select i1 %60, i64 %3, i64 0
  %62 = getelementptr i32, ptr %100, i64 %54
  %63 = getelementptr i32, ptr %62, i64 %61
  %64 = load i32, ptr %63, align 4
  %65 = select i1 %60, i64 %9, i64 0
  %66 = getelementptr i32, ptr %52, i64 %54
  %67 = getelementptr i32, ptr %66, i64 %65
  store i32 %64, ptr %67, align 4
  br label %53

68:
  store ptr null, ptr %0, align 8
  ret void

69:
  br label %70

70:
  %71 = phi i64 [ %8, %69 ], [ 1, %33 ]
  br label %72

72:
  %73 = phi i64 [ %71, %70 ], [ %82, %81 ]
  %74 = icmp slt i64 %73, %8
  br i1 %74, label %75, label %78

75:
  %76 = phi i64 [ %87, %83 ], [ 0, %72 ]
  %77 = icmp slt i64 %76, %9
  br i1 %77, label %83, label %81

78:
  %79 = add nsw i64 %4, -2
  %80 = select i1 %12, i64 %11, i64 0
  br label %35

81:
  %82 = add nsw i64 %73, 1
  br label %72

83:
  %84 = mul i64 %73, %9
  %85 = getelementptr i32, ptr %7, i64 %84
  %86 = getelementptr i32, ptr %85, i64 %76
  store i32 0, ptr %86, align 4
  %87 = add nuw nsw i64 %76, 1
  br label %75

88:
  %89 = add nsw i64 %37, -1
  %90 = add i64 %36, -1
  %91 = icmp slt i64 %36, 0
  %92 = select i1 %91, i64 %6, i64 0
  %93 = getelementptr i32, ptr %5, i64 %36
  %94 = getelementptr i32, ptr %93, i64 %92
  %95 = load i32, ptr %94, align 4
  %96 = zext i32 %95 to i64
  %97 = select i1 %91, i64 %2, i64 0
  %98 = add i64 %36, %97
  %99 = mul i64 %98, %3
  %100 = getelementptr i32, ptr %1, i64 %99
  %101 = xor i64 %36, -1
  %102 = add i64 %4, %101
  %103 = call i64 @llvm.smax.i64(i64 %102, i64 0)
  br label %39

104:
  %105 = add nsw i64 %41, -1
  %106 = add i64 %40, 1
  %107 = icmp slt i64 %40, 0
  %108 = select i1 %107, i64 %8, i64 0
  %109 = add i64 %40, %108
  %110 = mul i64 %109, %9
  %111 = getelementptr i32, ptr %7, i64 %110
  br label %43

112:
  %113 = add nsw i64 %45, -1
  %114 = add i64 %44, 1
  %115 = icmp slt i64 %44, 0
  %116 = select i1 %115, i64 %9, i64 0
  %117 = getelementptr i32, ptr %111, i64 %44
  %118 = getelementptr i32, ptr %117, i64 %116
  %119 = load i32, ptr %118, align 4
  %120 = zext i32 %119 to i64
  %121 = mul nuw i64 %120, %96
  %122 = select i1 %115, i64 %3, i64 0
  %123 = getelementptr i32, ptr %100, i64 %44
  %124 = getelementptr i32, ptr %123, i64 %122
  %125 = load i32, ptr %124, align 4
  %126 = zext i32 %125 to i64
  %127 = add nuw i64 %121, %126
  %128 = trunc i64 %127 to i32
  store i32 %128, ptr %118, align 4
  %129 = lshr i64 %127, 32
  %130 = trunc nuw i64 %129 to i32
  store i32 %130, ptr %124, align 4
  br label %43
}

define internal void @3(ptr noalias nonnull %0, ptr %1, i64 %2, i64 %3, i64 %4, ptr %5, i64 %6, ptr %7, i64 %8, i64 %9, ptr %10, i64 %11, i64 %12, ptr %13, ptr %14, i64 %15, i64 %16, ptr %17, i64 %18, i64 %19, i64 %20, ptr %21, i64 %22, i64 %23, ptr %24, i64 %25, ptr %26) {
  %28 = alloca ptr, align 8
  %29 = alloca ptr, align 8
  %30 = icmp eq i64 %16, 0
  br i1 %30, label %50, label %46

31:
  %32 = phi i64 [ 0, %50 ], [ %64, %369 ]
  %33 = phi i64 [ %51, %50 ], [ %63, %369 ]
  %34 = icmp sgt i64 %33, 0
  br i1 %34, label %62, label %45

35:
  %36 = phi i64 [ 0, %62 ], [ %69, %90 ]
  %37 = phi i64 [ %66, %62 ], [ %68, %90 ]
  %38 = icmp sgt i64 %37, 0
  br i1 %38, label %67, label %39

39:
  store ptr null, ptr %28, align 8
  call void @1(ptr nonnull %28, ptr %14, i64 %15, i64 %16, i64 %4, ptr %5, i64 %6, ptr %7, i64 %8, i64 %9, ptr %10, i64 %11, i64 %12)
  store ptr null, ptr %29, align 8
  call void @2(ptr nonnull %29, ptr %14, i64 %15, i64 %16, i64 %4, ptr %5, i64 %6, ptr %17, i64 %18, i64 %19)
  %40 = call i64 @llvm.smin.i64(i64 %23, i64 %65)
  %41 = icmp slt i64 %40, 0
  %42 = select i1 %41, i64 %25, i64 0
  %43 = add i64 %40, %42
  %44 = icmp slt i64 %43, 0
  br i1 %44, label %372, label %373

45:
  store ptr null, ptr %0, align 8
  ret void

46:
  %47 = icmp ne i64 %3, -9223372036854775808
  %48 = icmp ne i64 %16, -1
  %49 = or i1 %47, %48
  br i1 %49, label %52, label %50

50:
  %51 = phi i64 [ 0, %27 ], [ %61, %52 ], [ 0, %46 ]
  br label %31

52:
  %53 = sdiv i64 %3, %16
  %54 = srem i64 %3, %16
  %55 = xor i64 %16, %54
  %56 = icmp slt i64 %55, 0
  %57 = icmp ne i64 %54, 0
  %58 = and i1 %57, %56
  %59 = sext i1 %58 to i64
  %60 = add i64 %53, %59
  %61 = call i64 @llvm.smax.i64(i64 %60, i64 0)
  br label %50

62:
  %63 = add nsw i64 %33, -1
  %64 = add i64 %32, 1
  %65 = mul nsw i64 %32, %16
  %66 = call i64 @llvm.smax.i64(i64 %4, i64 0)
  br label %35

67:
  %68 = add nsw i64 %37, -1
  %69 = add i64 %36, 1
  %70 = add nsw i64 %65, %16
  %71 = icmp slt i64 %36, 0
  %72 = select i1 %71, i64 %2, i64 0
  %73 = add i64 %36, %72
  %74 = icmp slt i64 %65, 0
  %75 = select i1 %74, i64 %3, i64 0
  %76 = add i64 %65, %75
  %77 = icmp slt i64 %76, 0
  br i1 %77, label %105, label %106

78:
  %79 = phi i64 [ %118, %117 ], [ %3, %120 ]
  %80 = sub i64 %79, %111
  %81 = call i64 @llvm.smax.i64(i64 %80, i64 0)
  %82 = mul i64 %73, %3
  %83 = getelementptr i32, ptr %1, i64 %82
  %84 = getelementptr i32, ptr %83, i64 %111
  %85 = select i1 %71, i64 %15, i64 0
  %86 = add i64 %36, %85
  %87 = mul i64 %86, %16
  %88 = getelementptr i32, ptr %14, i64 %87
  %89 = call i64 @llvm.smax.i64(i64 %16, i64 0)
  br label %90

90:
  %91 = phi i64 [ 0, %78 ], [ %96, %94 ]
  %92 = phi i64 [ %89, %78 ], [ %95, %94 ]
  %93 = icmp sgt i64 %92, 0
  br i1 %93, label %94, label %35

94:
  %95 = add nsw i64 %92, -1
  %96 = add i64 %91, 1
  %97 = icmp slt i64 %91, 0
  %98 = select i1 %97, i64 %81, i64 0
  %99 = getelementptr i32, ptr %84, i64 %91
  %100 = getelementptr i32, ptr %99, i64 %98
  %101 = load i32, ptr %100, align 4
  %102 = select i1 %97, i64 %16, i64 0
  %103 = getelementptr i32, ptr %88, i64 %91
  %104 = getelementptr i32, ptr %103, i64 %102
  store i32 %101, ptr %104, align 4
  br label %90

105:
  br label %106

106:
  %107 = phi i64 [ 0, %105 ], [ %76, %67 ]
  %108 = icmp slt i64 %76, %3
  br i1 %108, label %110, label %109

109:
  br label %110

110:
  %111 = phi i64 [ %3, %109 ], [ %107, %106 ]
  %112 = icmp slt i64 %70, 0
  %113 = select i1 %112, i64 %3, i64 0
  %114 = add i64 %70, %113
  %115 = icmp slt i64 %114, 0
  br i1 %115, label %116, label %117

116:
  br label %117

117:
  %118 = phi i64 [ 0, %116 ], [ %114, %110 ]
  %119 = icmp slt i64 %114, %3
  br i1 %119, label %78, label %120

120:
  br label %78

121:
  %122 = phi i64 [ 0, %377 ], [ %275, %273 ]
  %123 = phi i64 [ %400, %377 ], [ %274, %273 ]
  %124 = phi i64 [ 0, %377 ], [ %288, %273 ]
  %125 = icmp sgt i64 %123, 0
  br i1 %125, label %273, label %126

126:
  %127 = load i64, ptr %26, align 8
  %128 = add nsw i64 %127, %124
  store i64 %128, ptr %26, align 8
  %129 = icmp sgt i64 %392, 0
  br i1 %129, label %130, label %205

130:
  %131 = phi i64 [ 0, %126 ], [ %166, %203 ]
  %132 = phi i64 [ %382, %126 ], [ %320, %203 ]
  %133 = sub nsw i64 %392, %131
  %134 = call i64 @llvm.smin.i64(i64 %133, i64 %390)
  %135 = add nsw i64 %131, %390
  %136 = icmp slt i64 %135, %392
  %137 = select i1 %136, i64 %384, i64 %386
  %138 = ashr i64 %132, 5
  %139 = and i64 %132, 31
  %140 = icmp slt i64 %138, 0
  %141 = select i1 %140, i64 %18, i64 0
  %142 = add i64 %138, %141
  %143 = mul i64 %142, %19
  %144 = getelementptr i32, ptr %17, i64 %143
  %145 = add nsw i64 %138, 1
  %146 = icmp slt i64 %138, -1
  %147 = select i1 %146, i64 %18, i64 0
  %148 = add i64 %145, %147
  %149 = mul i64 %148, %19
  %150 = getelementptr i32, ptr %17, i64 %149
  %151 = add nsw i64 %138, 2
  %152 = icmp slt i64 %138, -2
  %153 = select i1 %152, i64 %18, i64 0
  %154 = add i64 %151, %153
  %155 = mul i64 %154, %19
  %156 = getelementptr i32, ptr %17, i64 %155
  %157 = icmp eq i64 %139, 0
  %158 = sub nuw nsw i64 64, %139
  %159 = select i1 %157, i64 63, i64 %158
  %160 = shl nsw i64 -1, %137
  %161 = xor i64 %160, -1
  %162 = call i64 @llvm.smax.i64(i64 %20, i64 0)
  br label %289

163:
  %164 = phi i64 [ 0, %319 ], [ %324, %195 ]
  %165 = phi i64 [ %321, %319 ], [ %323, %195 ]
  %166 = phi i64 [ %131, %319 ], [ %202, %195 ]
  %167 = icmp sgt i64 %165, 0
  br i1 %167, label %322, label %203

168:
  %169 = phi i64 [ 0, %334 ], [ %359, %270 ]
  %170 = phi i64 [ %400, %334 ], [ %358, %270 ]
  %171 = phi i64 [ 0, %334 ], [ %272, %270 ]
  %172 = phi i64 [ 0, %334 ], [ %271, %270 ]
  %173 = icmp sgt i64 %170, 0
  br i1 %173, label %357, label %195

174:
  %175 = phi i64 [ 0, %357 ], [ %368, %362 ]
  %176 = icmp slt i64 %169, 0
  %177 = select i1 %176, i64 %22, i64 0
  %178 = getelementptr i64, ptr %21, i64 %169
  %179 = getelementptr i64, ptr %178, i64 %177
  %180 = load i64, ptr %179, align 8
  %181 = mul i64 %175, %388
  store i64 %175, ptr %179, align 8
  %182 = icmp slt i64 %169, %328
  br i1 %182, label %183, label %191

183:
  %184 = sub i64 %180, %181
  %185 = icmp ugt i64 %184, %396
  %186 = zext i1 %185 to i64
  %187 = add nsw i64 %171, %186
  %188 = select i1 %176, i64 %337, i64 0
  %189 = getelementptr i64, ptr %338, i64 %169
  %190 = getelementptr i64, ptr %189, i64 %188
  store i64 %184, ptr %190, align 8
  br label %270

191:
  %192 = icmp ne i64 %180, %181
  %193 = zext i1 %192 to i64
  %194 = add nsw i64 %172, %193
  br label %270

195:
  %196 = getelementptr i8, ptr %26, i64 16
  %197 = load i64, ptr %196, align 8
  %198 = add nsw i64 %197, %171
  store i64 %198, ptr %196, align 8
  %199 = getelementptr i8, ptr %26, i64 24
  %200 = load i64, ptr %199, align 8
  %201 = add nsw i64 %200, %172
  store i64 %201, ptr %199, align 8
  %202 = add nsw i64 %166, 1
  br label %163

203:
  %204 = icmp slt i64 %166, %392
  br i1 %204, label %130, label %205

205:
  %206 = phi i64 [ %320, %203 ], [ %382, %126 ]
  %207 = getelementptr i8, ptr %26, i64 8
  %208 = load i64, ptr %207, align 8
  %209 = shl nsw i64 %18, 5
  %210 = icmp slt i64 %206, %209
  br i1 %210, label %211, label %369

211:
  %212 = ashr i64 %206, 5
  %213 = icmp slt i64 %212, 0
  %214 = select i1 %213, i64 %18, i64 0
  %215 = add i64 %212, %214
  %216 = mul i64 %215, %19
  %217 = getelementptr i32, ptr %17, i64 %216
  %218 = and i64 %206, 31
  br label %219

219:
  %220 = phi i64 [ 0, %211 ], [ %240, %238 ]
  %221 = phi i64 [ %400, %211 ], [ %239, %238 ]
  %222 = phi i64 [ 0, %211 ], [ %250, %238 ]
  %223 = icmp sgt i64 %221, 0
  br i1 %223, label %238, label %224

224:
  %225 = add nsw i64 %212, 1
  %226 = sub i64 %18, %225
  %227 = call i64 @llvm.smax.i64(i64 %226, i64 0)
  br label %228

228:
  %229 = phi i64 [ %225, %224 ], [ %253, %233 ]
  %230 = phi i64 [ %227, %224 ], [ %252, %233 ]
  %231 = phi i64 [ %222, %224 ], [ %236, %233 ]
  %232 = icmp sgt i64 %230, 0
  br i1 %232, label %251, label %369

233:
  %234 = phi i64 [ 0, %251 ], [ %261, %259 ]
  %235 = phi i64 [ %400, %251 ], [ %260, %259 ]
  %236 = phi i64 [ %231, %251 ], [ %269, %259 ]
  %237 = icmp sgt i64 %235, 0
  br i1 %237, label %259, label %228

238:
  %239 = add nsw i64 %221, -1
  %240 = add i64 %220, 1
  %241 = icmp slt i64 %220, 0
  %242 = select i1 %241, i64 %19, i64 0
  %243 = getelementptr i32, ptr %217, i64 %220
  %244 = getelementptr i32, ptr %243, i64 %242
  %245 = load i32, ptr %244, align 4
  %246 = zext i32 %245 to i64
  %247 = lshr i64 %246, %218
  %248 = icmp ne i64 %247, 0
  %249 = zext i1 %248 to i64
  %250 = add nuw nsw i64 %222, %249
  br label %219

251:
  %252 = add nsw i64 %230, -1
  %253 = add i64 %229, 1
  %254 = icmp slt i64 %229, 0
  %255 = select i1 %254, i64 %18, i64 0
  %256 = add i64 %229, %255
  %257 = mul i64 %256, %19
  %258 = getelementptr i32, ptr %17, i64 %257
  br label %233

259:
  %260 = add nsw i64 %235, -1
  %261 = add i64 %234, 1
  %262 = icmp slt i64 %234, 0
  %263 = select i1 %262, i64 %19, i64 0
  %264 = getelementptr i32, ptr %258, i64 %234
  %265 = getelementptr i32, ptr %264, i64 %263
  %266 = load i32, ptr %265, align 4
  %267 = icmp ne i32 %266, 0
  %268 = zext i1 %267 to i64
  %269 = add nsw i64 %236, %268
  br label %233

270:
  %271 = phi i64 [ %172, %183 ], [ %194, %191 ]
  %272 = phi i64 [ %187, %183 ], [ %171, %191 ]
  br label %168

273:
  %274 = add nsw i64 %123, -1
  %275 = add i64 %122, 1
  %276 = icmp slt i64 %122, 0
  %277 = select i1 %276, i64 %19, i64 0
  %278 = getelementptr i32, ptr %17, i64 %122
  %279 = getelementptr i32, ptr %278, i64 %277
  %280 = load i32, ptr %279, align 4
  %281 = zext i32 %280 to i64
  %282 = xor i64 %399, -1
  %283 = and i64 %282, %281
  %284 = add nsw i64 %398, %283
  %285 = call i64 @llvm.abs.i64(i64 %284, i1 false)
  %286 = icmp sgt i64 %285, %394
  %287 = zext i1 %286 to i64
  %288 = add nuw nsw i64 %124, %287
  br label %121

289:
  %290 = phi i64 [ 0, %130 ], [ %295, %293 ]
  %291 = phi i64 [ %162, %130 ], [ %294, %293 ]
  %292 = icmp sgt i64 %291, 0
  br i1 %292, label %293, label %319

293:
  %294 = add nsw i64 %291, -1
  %295 = add i64 %290, 1
  %296 = icmp slt i64 %290, 0
  %297 = select i1 %296, i64 %19, i64 0
  %298 = getelementptr i32, ptr %144, i64 %290
  %299 = getelementptr i32, ptr %298, i64 %297
  %300 = load i32, ptr %299, align 4
  %301 = zext i32 %300 to i64
  %302 = getelementptr i32, ptr %150, i64 %290
  %303 = getelementptr i32, ptr %302, i64 %297
  %304 = load i32, ptr %303, align 4
  %305 = zext i32 %304 to i64
  %306 = shl nuw i64 %305, 32
  %307 = or disjoint i64 %306, %301
  %308 = lshr i64 %307, %139
  %309 = getelementptr i32, ptr %156, i64 %290
  %310 = getelementptr i32, ptr %309, i64 %297
  %311 = load i32, ptr %310, align 4
  %312 = zext i32 %311 to i64
  %313 = shl i64 %312, %159
  %314 = or i64 %308, %313
  %315 = and i64 %314, %161
  %316 = select i1 %296, i64 %22, i64 0
  %317 = getelementptr i64, ptr %21, i64 %290
  %318 = getelementptr i64, ptr %317, i64 %316
  store i64 %315, ptr %318, align 8
  br label %289

319:
  %320 = add nsw i64 %132, %137
  %321 = call i64 @llvm.smax.i64(i64 %134, i64 0)
  br label %163

322:
  %323 = add nsw i64 %165, -1
  %324 = add i64 %164, 1
  %325 = mul nsw i64 %166, %3
  %326 = sub nsw i64 %380, %325
  %327 = call i64 @llvm.smax.i64(i64 %326, i64 0)
  %328 = call i64 @llvm.smin.i64(i64 %19, i64 %327)
  %329 = add nsw i64 %325, %328
  %330 = icmp slt i64 %325, 0
  %331 = select i1 %330, i64 %380, i64 0
  %332 = add i64 %325, %331
  %333 = icmp slt i64 %332, 0
  br i1 %333, label %341, label %342

334:
  %335 = phi i64 [ %354, %353 ], [ %380, %356 ]
  %336 = sub nsw i64 %335, %347
  %337 = call i64 @llvm.smax.i64(i64 %336, i64 0)
  %338 = getelementptr i64, ptr %381, i64 %347
  %339 = add nsw i64 %134, -1
  %340 = icmp eq i64 %164, %339
  br label %168

341:
  br label %342

342:
  %343 = phi i64 [ 0, %341 ], [ %332, %322 ]
  %344 = icmp slt i64 %332, %380
  br i1 %344, label %346, label %345

345:
  br label %346

346:
  %347 = phi i64 [ %380, %345 ], [ %343, %342 ]
  %348 = icmp slt i64 %329, 0
  %349 = select i1 %348, i64 %380, i64 0
  %350 = add i64 %329, %349
  %351 = icmp slt i64 %350, 0
  br i1 %351, label %352, label %353

352:
  br label %353

353:
  %354 = phi i64 [ 0, %352 ], [ %350, %346 ]
  %355 = icmp slt i64 %350, %380
  br i1 %355, label %334, label %356

356:
  br label %334

357:
  %358 = add nsw i64 %170, -1
  %359 = add i64 %169, 1
  %360 = icmp eq i64 %388, 0
  %361 = select i1 %340, i1 true, i1 %360
  br i1 %361, label %174, label %362

362:
  %363 = getelementptr i64, ptr %21, i64 %169
  %364 = icmp slt i64 %169, 0
  %365 = select i1 %364, i64 %22, i64 0
  %366 = getelementptr i64, ptr %363, i64 %365
  %367 = load i64, ptr %366, align 8
  %368 = udiv i64 %367, %388
  br label %174

369:
  %370 = phi i64 [ %231, %228 ], [ 0, %205 ]
  %371 = add nsw i64 %208, %370
  store i64 %371, ptr %207, align 8
  br label %31

372:
  br label %373

373:
  %374 = phi i64 [ 0, %372 ], [ %43, %39 ]
  %375 = icmp slt i64 %43, %25
  br i1 %375, label %377, label %376

376:
  br label %377

377:
  %378 = phi i64 [ %25, %376 ], [ %374, %373 ]
  %379 = sub i64 %25, %378
  %380 = call i64 @llvm.smax.i64(i64 %379, i64 0)
  %381 = getelementptr i64, ptr %24, i64 %378
  %382 = load i64, ptr %13, align 8
  %383 = getelementptr i8, ptr %13, i64 8
  %384 = load i64, ptr %383, align 8
  %385 = getelementptr i8, ptr %13, i64 16
  %386 = load i64, ptr %385, align 8
  %387 = getelementptr i8, ptr %13, i64 24
  %388 = load i64, ptr %387, align 8
  %389 = getelementptr i8, ptr %13, i64 32
  %390 = load i64, ptr %389, align 8
  %391 = getelementptr i8, ptr %13, i64 40
  %392 = load i64, ptr %391, align 8
  %393 = getelementptr i8, ptr %13, i64 48
  %394 = load i64, ptr %393, align 8
  %395 = getelementptr i8, ptr %13, i64 56
  %396 = load i64, ptr %395, align 8
  %397 = add nsw i64 %382, -1
  %398 = shl nsw i64 -1, %397
  %399 = shl nsw i64 -1, %382
  %400 = call i64 @llvm.smax.i64(i64 %19, i64 0)
  br label %121
}

define internal void @4(ptr noalias nonnull %0, i64 %1, ptr %2, i64 %3, ptr %4, i64 %5, i32 %6, i64 %7, ptr %8, i64 %9, ptr %10, i64 %11, ptr %12, i64 %13, i64 %14, ptr %15, i64 %16, i64 %17) {
  %19 = icmp eq i64 %7, 0
  br i1 %19, label %157, label %153

20:
  %21 = phi i64 [ %160, %157 ], [ %37, %35 ]
  %22 = phi i64 [ 1, %157 ], [ %36, %35 ]
  br label %23

23:
  %24 = phi i64 [ 0, %20 ], [ %173, %27 ]
  %25 = phi i64 [ %22, %20 ], [ %172, %27 ]
  %26 = icmp sgt i64 %25, 0
  br i1 %26, label %171, label %35

27:
  %28 = phi i64 [ %185, %171 ], [ %188, %31 ]
  %29 = phi i64 [ %21, %171 ], [ %187, %31 ]
  %30 = icmp sgt i64 %29, 0
  br i1 %30, label %186, label %23

31:
  %32 = phi i64 [ 0, %186 ], [ %192, %190 ]
  %33 = phi i64 [ %189, %186 ], [ %191, %190 ]
  %34 = icmp sgt i64 %33, 0
  br i1 %34, label %190, label %27

35:
  %36 = shl nsw i64 %22, 1
  %37 = lshr i64 %21, 1
  %38 = icmp eq i64 %37, 0
  br i1 %38, label %39, label %20

39:
  %40 = call i64 @llvm.smin.i64(i64 %158, i64 %7)
  %41 = call i64 @llvm.smin.i64(i64 %40, i64 16)
  %42 = icmp eq i64 %40, 0
  br i1 %42, label %59, label %62

43:
  %44 = phi i64 [ 0, %59 ], [ %73, %47 ]
  %45 = phi i64 [ %61, %59 ], [ %72, %47 ]
  %46 = icmp sgt i64 %45, 0
  br i1 %46, label %71, label %113

47:
  %48 = phi i64 [ 0, %75 ], [ %89, %51 ]
  %49 = phi i64 [ %77, %75 ], [ %88, %51 ]
  %50 = icmp sgt i64 %49, 0
  br i1 %50, label %87, label %43

51:
  %52 = phi i64 [ %90, %87 ], [ %94, %55 ]
  %53 = phi i64 [ %91, %87 ], [ %93, %55 ]
  %54 = icmp sgt i64 %53, 0
  br i1 %54, label %92, label %47

55:
  %56 = phi i64 [ %74, %92 ], [ %97, %95 ]
  %57 = phi i64 [ %91, %92 ], [ %96, %95 ]
  %58 = icmp sgt i64 %57, 0
  br i1 %58, label %95, label %51

59:
  %60 = phi i64 [ %41, %39 ], [ %70, %62 ]
  %61 = call i64 @llvm.smax.i64(i64 %60, i64 0)
  br label %43

62:
  %63 = sdiv i64 %7, %41
  %64 = srem i64 %7, %41
  %65 = xor i64 %41, %64
  %66 = icmp slt i64 %65, 0
  %67 = icmp ne i64 %64, 0
  %68 = and i1 %67, %66
  %69 = sext i1 %68 to i64
  %70 = add i64 %63, %69
  br label %59

71:
  %72 = add nsw i64 %45, -1
  %73 = add i64 %44, 1
  %74 = mul nsw i64 %44, %41
  br i1 %42, label %75, label %78

75:
  %76 = phi i64 [ %41, %71 ], [ %86, %78 ]
  %77 = call i64 @llvm.smax.i64(i64 %76, i64 0)
  br label %47

78:
  %79 = sdiv i64 %158, %41
  %80 = srem i64 %158, %41
  %81 = xor i64 %41, %80
  %82 = icmp slt i64 %81, 0
  %83 = icmp ne i64 %80, 0
  %84 = and i1 %83, %82
  %85 = sext i1 %84 to i64
  %86 = add i64 %79, %85
  br label %75

87:
  %88 = add nsw i64 %49, -1
  %89 = add i64 %48, 1
  %90 = mul nsw i64 %48, %41
  %91 = call i64 @llvm.smax.i64(i64 %41, i64 0)
  br label %51

92:
  %93 = add nsw i64 %53, -1
  %94 = add i64 %52, 1
  br label %55

95:
  %96 = add nsw i64 %57, -1
  %97 = add i64 %56, 1
  %98 = icmp slt i64 %56, 0
  %99 = select i1 %98, i64 %7, i64 0
  %100 = add i64 %56, %99
  %101 = icmp slt i64 %52, 0
  %102 = select i1 %101, i64 %158, i64 0
  %103 = mul i64 %100, %158
  %104 = getelementptr i32, ptr %2, i64 %103
  %105 = getelementptr i32, ptr %104, i64 %52
  %106 = getelementptr i32, ptr %105, i64 %102
  %107 = load i32, ptr %106, align 4
  %108 = add i64 %52, %102
  %109 = mul i64 %108, %7
  %110 = getelementptr i32, ptr %4, i64 %109
  %111 = getelementptr i32, ptr %110, i64 %56
  %112 = getelementptr i32, ptr %111, i64 %99
  store i32 %107, ptr %112, align 4
  br label %55

113:
  %114 = ashr i64 %158, 1
  %115 = icmp sgt i64 %114, 0
  br i1 %115, label %116, label %135

116:
  %117 = phi i64 [ %114, %113 ], [ %133, %131 ]
  %118 = phi i64 [ 1, %113 ], [ %132, %131 ]
  br label %119

119:
  %120 = phi i64 [ 0, %116 ], [ %227, %123 ]
  %121 = phi i64 [ %118, %116 ], [ %226, %123 ]
  %122 = icmp sgt i64 %121, 0
  br i1 %122, label %225, label %131

123:
  %124 = phi i64 [ %229, %225 ], [ %232, %127 ]
  %125 = phi i64 [ %117, %225 ], [ %231, %127 ]
  %126 = icmp sgt i64 %125, 0
  br i1 %126, label %230, label %119

127:
  %128 = phi i64 [ 0, %230 ], [ %236, %234 ]
  %129 = phi i64 [ %233, %230 ], [ %235, %234 ]
  %130 = icmp sgt i64 %129, 0
  br i1 %130, label %234, label %123

131:
  %132 = shl nsw i64 %118, 1
  %133 = lshr i64 %117, 1
  %134 = icmp eq i64 %133, 0
  br i1 %134, label %135, label %116

135:
  %136 = call i64 @llvm.smax.i64(i64 %1, i64 0)
  br label %137

137:
  %138 = phi i64 [ 0, %135 ], [ %143, %141 ]
  %139 = phi i64 [ %136, %135 ], [ %142, %141 ]
  %140 = icmp sgt i64 %139, 0
  br i1 %140, label %141, label %152

141:
  %142 = add nsw i64 %139, -1
  %143 = add i64 %138, 1
  %144 = icmp slt i64 %138, 0
  %145 = select i1 %144, i64 %5, i64 0
  %146 = getelementptr i32, ptr %4, i64 %138
  %147 = getelementptr i32, ptr %146, i64 %145
  %148 = load i32, ptr %147, align 4
  %149 = select i1 %144, i64 %3, i64 0
  %150 = getelementptr i32, ptr %2, i64 %138
  %151 = getelementptr i32, ptr %150, i64 %149
  store i32 %148, ptr %151, align 4
  br label %137

152:
  store ptr null, ptr %0, align 8
  ret void

153:
  %154 = icmp ne i64 %1, -9223372036854775808
  %155 = icmp ne i64 %7, -1
  %156 = or i1 %154, %155
  br i1 %156, label %162, label %157

157:
  %158 = phi i64 [ 0, %18 ], [ %170, %162 ], [ 0, %153 ]
  %159 = shl i32 %6, 1
  %160 = ashr i64 %7, 1
  %161 = icmp sgt i64 %160, 0
  br i1 %161, label %20, label %39

162:
  %163 = sdiv i64 %1, %7
  %164 = srem i64 %1, %7
  %165 = xor i64 %7, %164
  %166 = icmp slt i64 %165, 0
  %167 = icmp ne i64 %164, 0
  %168 = and i1 %167, %166
  %169 = sext i1 %168 to i64
  %170 = add i64 %163, %169
  br label %157

171:
  %172 = add nsw i64 %25, -1
  %173 = add i64 %24, 1
  %174 = add nsw i64 %22, %24
  %175 = icmp slt i64 %174, 0
  %176 = select i1 %175, i64 %9, i64 0
  %177 = getelementptr i32, ptr %8, i64 %174
  %178 = getelementptr i32, ptr %177, i64 %176
  %179 = load i32, ptr %178, align 4
  %180 = select i1 %175, i64 %11, i64 0
  %181 = getelementptr i32, ptr %10, i64 %174
  %182 = getelementptr i32, ptr %181, i64 %180
  %183 = load i32, ptr %182, align 4
  %184 = shl nsw i64 %24, 1
  %185 = mul nsw i64 %184, %21
  br label %27

186:
  %187 = add nsw i64 %29, -1
  %188 = add i64 %28, 1
  %189 = call i64 @llvm.smax.i64(i64 %158, i64 0)
  br label %31

190:
  %191 = add nsw i64 %33, -1
  %192 = add i64 %32, 1
  %193 = icmp slt i64 %28, 0
  %194 = select i1 %193, i64 %7, i64 0
  %195 = add i64 %28, %194
  %196 = icmp slt i64 %32, 0
  %197 = select i1 %196, i64 %158, i64 0
  %198 = mul i64 %195, %158
  %199 = getelementptr i32, ptr %2, i64 %198
  %200 = getelementptr i32, ptr %199, i64 %32
  %201 = getelementptr i32, ptr %200, i64 %197
  %202 = load i32, ptr %201, align 4
  %203 = sub i32 %202, %159
  %204 = call i32 @llvm.umin.i32(i32 %203, i32 %202)
  %205 = add nsw i64 %28, %21
  %206 = icmp slt i64 %205, 0
  %207 = select i1 %206, i64 %7, i64 0
  %208 = add i64 %205, %207
  %209 = mul i64 %208, %158
  %210 = getelementptr i32, ptr %2, i64 %209
  %211 = getelementptr i32, ptr %210, i64 %32
  %212 = getelementptr i32, ptr %211, i64 %197
  %213 = load i32, ptr %212, align 4
  %214 = zext i32 %213 to i64
  %215 = zext i32 %183 to i64
  %216 = mul nuw i64 %214, %215
  %217 = lshr i64 %216, 32
  %218 = trunc nuw i64 %217 to i32
  %219 = mul i32 %213, %179
  %220 = mul i32 %6, %218
  %221 = sub i32 %219, %220
  %222 = add i32 %204, %221
  store i32 %222, ptr %201, align 4
  %223 = sub i32 %159, %221
  %224 = add i32 %204, %223
  store i32 %224, ptr %212, align 4
  br label %31

225:
  %226 = add nsw i64 %121, -1
  %227 = add i64 %120, 1
  %228 = shl nsw i64 %120, 1
  %229 = mul nsw i64 %228, %117
  br label %123

230:
  %231 = add nsw i64 %125, -1
  %232 = add i64 %124, 1
  %233 = call i64 @llvm.smax.i64(i64 %7, i64 0)
  br label %127

234:
  %235 = add nsw i64 %129, -1
  %236 = add i64 %128, 1
  %237 = icmp slt i64 %124, 0
  %238 = select i1 %237, i64 %158, i64 0
  %239 = add i64 %124, %238
  %240 = icmp slt i64 %128, 0
  %241 = select i1 %240, i64 %7, i64 0
  %242 = mul i64 %239, %7
  %243 = getelementptr i32, ptr %4, i64 %242
  %244 = getelementptr i32, ptr %243, i64 %128
  %245 = getelementptr i32, ptr %244, i64 %241
  %246 = load i32, ptr %245, align 4
  %247 = sub i32 %246, %159
  %248 = call i32 @llvm.umin.i32(i32 %247, i32 %246)
  %249 = add nsw i64 %124, %117
  %250 = icmp slt i64 %249, 0
  %251 = select i1 %250, i64 %158, i64 0
  %252 = add i64 %249, %251
  %253 = mul i64 %252, %7
  %254 = getelementptr i32, ptr %4, i64 %253
  %255 = getelementptr i32, ptr %254, i64 %128
  %256 = getelementptr i32, ptr %255, i64 %241
  %257 = load i32, ptr %256, align 4
  %258 = add nsw i64 %118, %120
  %259 = icmp slt i64 %258, 0
  %260 = select i1 %259, i64 %13, i64 0
  %261 = add i64 %258, %260
  %262 = select i1 %240, i64 %14, i64 0
  %263 = mul i64 %261, %14
  %264 = getelementptr i32, ptr %12, i64 %263
  %265 = getelementptr i32, ptr %264, i64 %128
  %266 = getelementptr i32, ptr %265, i64 %262
  %267 = load i32, ptr %266, align 4
  %268 = select i1 %259, i64 %16, i64 0
  %269 = add i64 %258, %268
  %270 = select i1 %240, i64 %17, i64 0
  %271 = mul i64 %269, %17
  %272 = getelementptr i32, ptr %15, i64 %271
  %273 = getelementptr i32, ptr %272, i64 %128
  %274 = getelementptr i32, ptr %273, i64 %270
  %275 = load i32, ptr %274, align 4
  %276 = zext i32 %257 to i64
  %277 = zext i32 %275 to i64
  %278 = mul nuw i64 %276, %277
  %279 = lshr i64 %278, 32
  %280 = trunc nuw i64 %279 to i32
  %281 = mul i32 %257, %267
  %282 = mul i32 %6, %280
  %283 = sub i32 %281, %282
  %284 = add i32 %248, %283
  store i32 %284, ptr %245, align 4
  %285 = sub i32 %159, %283
  %286 = add i32 %248, %285
  store i32 %286, ptr %256, align 4
  br label %127
}

define internal void @5(ptr noalias nonnull %0, ptr %1, i64 %2, i64 %3, ptr %4, i64 %5, ptr %6, i64 %7, i64 %8, ptr %9, i64 %10, i64 %11, ptr %12, i64 %13, i64 %14, i64 %15, ptr %16, i64 %17, i64 %18, i64 %19, ptr %20, i64 %21, ptr %22, i64 %23, i64 %24) {
  %26 = alloca ptr, align 8
  %27 = call i64 @llvm.smax.i64(i64 %3, i64 0)
  br label %28

28:
  %29 = phi i64 [ 0, %25 ], [ %95, %65 ]
  %30 = phi i64 [ %27, %25 ], [ %94, %65 ]
  %31 = icmp sgt i64 %30, 0
  br i1 %31, label %93, label %132

32:
  %33 = phi i64 [ 0, %93 ], [ %109, %107 ]
  %34 = phi i64 [ %106, %93 ], [ %108, %107 ]
  %35 = icmp sgt i64 %34, 0
  br i1 %35, label %107, label %36

36:
  %37 = select i1 %96, i64 %7, i64 0
  %38 = add i64 %29, %37
  %39 = mul i64 %38, %8
  %40 = getelementptr i32, ptr %6, i64 %39
  %41 = select i1 %96, i64 %10, i64 0
  %42 = add i64 %29, %41
  %43 = mul i64 %42, %11
  %44 = getelementptr i32, ptr %9, i64 %43
  %45 = select i1 %96, i64 %13, i64 0
  %46 = add i64 %29, %45
  %47 = mul i64 %14, %15
  %48 = mul i64 %46, %47
  %49 = getelementptr i32, ptr %12, i64 %48
  %50 = select i1 %96, i64 %17, i64 0
  %51 = add i64 %29, %50
  %52 = mul i64 %18, %19
  %53 = mul i64 %51, %52
  %54 = getelementptr i32, ptr %16, i64 %53
  store ptr null, ptr %26, align 8
  call void @4(ptr nonnull %26, i64 %24, ptr %105, i64 %24, ptr %20, i64 %21, i32 %100, i64 %8, ptr %40, i64 %8, ptr %44, i64 %11, ptr %49, i64 %14, i64 %15, ptr %54, i64 %18, i64 %19)
  br label %55

55:
  %56 = phi i64 [ 0, %36 ], [ %122, %120 ]
  %57 = phi i64 [ %106, %36 ], [ %121, %120 ]
  %58 = icmp sgt i64 %57, 0
  br i1 %58, label %120, label %59

59:
  %60 = add i64 %23, %103
  %61 = mul i64 %60, %24
  %62 = getelementptr i32, ptr %22, i64 %61
  %63 = zext i32 %100 to i64
  %64 = icmp eq i32 %100, 0
  br i1 %64, label %71, label %69

65:
  %66 = phi i64 [ 0, %71 ], [ %75, %73 ]
  %67 = phi i64 [ %106, %71 ], [ %74, %73 ]
  %68 = icmp sgt i64 %67, 0
  br i1 %68, label %73, label %28

69:
  %70 = udiv i64 4611686018427387904, %63
  br label %71

71:
  %72 = phi i64 [ %70, %69 ], [ %63, %59 ]
  br label %65

73:
  %74 = add nsw i64 %67, -1
  %75 = add i64 %66, 1
  %76 = icmp slt i64 %66, 0
  %77 = select i1 %76, i64 %24, i64 0
  %78 = getelementptr i32, ptr %105, i64 %66
  %79 = getelementptr i32, ptr %78, i64 %77
  %80 = load i32, ptr %79, align 4
  %81 = zext i32 %80 to i64
  %82 = mul i64 %72, %81
  %83 = lshr i64 %82, 30
  %84 = shl nuw i64 %81, 32
  %85 = mul i64 %83, %63
  %86 = sub i64 %84, %85
  %87 = icmp uge i64 %86, %63
  %88 = zext i1 %87 to i64
  %89 = add nuw nsw i64 %83, %88
  %90 = trunc i64 %89 to i32
  %91 = getelementptr i32, ptr %62, i64 %66
  %92 = getelementptr i32, ptr %91, i64 %77
  store i32 %90, ptr %92, align 4
  br label %65

93:
  %94 = add nsw i64 %30, -1
  %95 = add i64 %29, 1
  %96 = icmp slt i64 %29, 0
  %97 = select i1 %96, i64 %5, i64 0
  %98 = getelementptr i32, ptr %4, i64 %29
  %99 = getelementptr i32, ptr %98, i64 %97
  %100 = load i32, ptr %99, align 4
  %101 = shl i32 %100, 1
  %102 = select i1 %96, i64 %23, i64 0
  %103 = add i64 %29, %102
  %104 = mul i64 %103, %24
  %105 = getelementptr i32, ptr %22, i64 %104
  %106 = call i64 @llvm.smax.i64(i64 %24, i64 0)
  br label %32

107:
  %108 = add nsw i64 %34, -1
  %109 = add i64 %33, 1
  %110 = icmp slt i64 %33, 0
  %111 = select i1 %110, i64 %2, i64 0
  %112 = getelementptr i64, ptr %1, i64 %33
  %113 = getelementptr i64, ptr %112, i64 %111
  %114 = load i64, ptr %113, align 8
  %115 = trunc i64 %114 to i32
  %116 = add i32 %100, %115
  %117 = select i1 %110, i64 %24, i64 0
  %118 = getelementptr i32, ptr %105, i64 %33
  %119 = getelementptr i32, ptr %118, i64 %117
  store i32 %116, ptr %119, align 4
  br label %32

120:
  %121 = add nsw i64 %57, -1
  %122 = add i64 %56, 1
  %123 = icmp slt i64 %56, 0
  %124 = select i1 %123, i64 %24, i64 0
  %125 = getelementptr i32, ptr %105, i64 %56
  %126 = getelementptr i32, ptr %125, i64 %124
  %127 = load i32, ptr %126, align 4
  %128 = sub i32 %127, %101
  %129 = call i32 @llvm.umin.i32(i32 %128, i32 %127)
  %130 = sub i32 %129, %100
  %131 = call i32 @llvm.umin.i32(i32 %130, i32 %129)
  store i32 %131, ptr %126, align 4
  br label %55

132:
  %133 = icmp slt i64 %21, 1
  br i1 %133, label %134, label %135

134:
  br label %135

135:
  %136 = phi i64 [ %21, %134 ], [ 0, %132 ]
  br label %137

137:
  %138 = phi i64 [ %136, %135 ], [ %143, %141 ]
  %139 = icmp slt i64 %138, %21
  br i1 %139, label %141, label %140

140:
  store ptr null, ptr %0, align 8
  ret void

141:
  %142 = getelementptr i32, ptr %20, i64 %138
  store i32 0, ptr %142, align 4
  %143 = add nsw i64 %138, 1
  br label %137
}

define internal void @6(ptr noalias nonnull %0, ptr %1, i64 %2, i64 %3, ptr %4, i64 %5) {
  %7 = call i64 @llvm.smax.i64(i64 %3, i64 0)
  br label %8

8:
  %9 = phi i64 [ 0, %6 ], [ %15, %13 ]
  %10 = phi i64 [ %7, %6 ], [ %14, %13 ]
  %11 = icmp sgt i64 %10, 0
  br i1 %11, label %13, label %12

12:
  store ptr null, ptr %0, align 8
  ret void

13:
  %14 = add nsw i64 %10, -1
  %15 = add i64 %9, 1
  %16 = icmp slt i64 %9, 0
  %17 = select i1 %16, i64 %2, i64 0
  %18 = shl i64 %9, 4
  %19 = getelementptr i8, ptr %1, i64 %18
  %20 = getelementptr i64, ptr %19, i64 %17
  %21 = load i64, ptr %20, align 8
  %22 = and i64 %21, 4398046511103
  %23 = call i64 @llvm.ctpop.i64(i64 %22)
  %24 = getelementptr i8, ptr %19, i64 8
  %25 = getelementptr i64, ptr %24, i64 %17
  %26 = load i64, ptr %25, align 8
  %27 = and i64 %26, 4398046511103
  %28 = call i64 @llvm.ctpop.i64(i64 %27)
  %29 = sub nsw i64 %23, %28
  %30 = trunc nsw i64 %29 to i8
  %31 = select i1 %16, i64 %5, i64 0
  %32 = getelementptr i8, ptr %4, i64 %9
  %33 = getelementptr i8, ptr %32, i64 %31
  store i8 %30, ptr %33, align 1
  br label %8
}

define internal void @7(ptr noalias nonnull %0, ptr %1, i64 %2, ptr %3, i64 %4, ptr %5, i64 %6, i64 %7, ptr %8, i64 %9, i64 %10, ptr %11, i64 %12, i64 %13, i64 %14, ptr %15, i64 %16, ptr %17, i64 %18, i64 %19, ptr %20, i64 %21, i64 %22, ptr %23, i64 %24, i64 %25, ptr %26, i64 %27, i64 %28, i64 %29, ptr %30, i64 %31, i64 %32, i64 %33, i64 %34, ptr %35, i64 %36, i64 %37, ptr %38, i64 %39, ptr %40, i64 %41, i64 %42, ptr %43, i64 %44, i64 %45) {
  %47 = alloca ptr, align 8
  %48 = alloca ptr, align 8
  store ptr null, ptr %47, align 8
  call void @6(ptr nonnull %47, ptr %3, i64 %4, i64 %34, ptr %35, i64 %36)
  %49 = icmp eq i64 %37, 0
  br i1 %49, label %241, label %237

50:
  %51 = phi i64 [ 0, %415 ], [ %424, %69 ]
  %52 = phi i64 [ %421, %415 ], [ %423, %69 ]
  %53 = icmp sgt i64 %52, 0
  br i1 %53, label %422, label %159

54:
  %55 = phi i64 [ 0, %422 ], [ %467, %465 ]
  %56 = phi i64 [ %464, %422 ], [ %466, %465 ]
  %57 = icmp sgt i64 %56, 0
  br i1 %57, label %465, label %58

58:
  %59 = select i1 %425, i64 %44, i64 0
  %60 = add i64 %51, %59
  %61 = mul i64 %60, %45
  %62 = getelementptr i32, ptr %43, i64 %61
  %63 = ashr i64 %42, 4
  %64 = mul nsw i64 %63, 15
  %65 = icmp slt i64 %63, 0
  %66 = select i1 %65, i64 %42, i64 0
  %67 = add i64 %64, %66
  %68 = icmp slt i64 %67, 0
  br i1 %68, label %81, label %82

69:
  %70 = phi i64 [ 0, %86 ], [ %110, %77 ]
  %71 = phi i1 [ false, %86 ], [ %111, %77 ]
  %72 = phi i64 [ 0, %86 ], [ %131, %77 ]
  %73 = phi i1 [ false, %86 ], [ %132, %77 ]
  %74 = phi i64 [ 0, %86 ], [ %93, %77 ]
  %75 = phi i64 [ 15, %86 ], [ %92, %77 ]
  %76 = icmp sgt i64 %75, 0
  br i1 %76, label %91, label %50

77:
  %78 = phi i64 [ 0, %117 ], [ %140, %138 ]
  %79 = phi i64 [ %122, %117 ], [ %139, %138 ]
  %80 = icmp sgt i64 %79, 0
  br i1 %80, label %138, label %69

81:
  br label %82

82:
  %83 = phi i64 [ 0, %81 ], [ %67, %58 ]
  %84 = icmp slt i64 %67, %42
  br i1 %84, label %86, label %85

85:
  br label %86

86:
  %87 = phi i64 [ %42, %85 ], [ %83, %82 ]
  %88 = sub i64 %42, %87
  %89 = call i64 @llvm.smax.i64(i64 %88, i64 0)
  %90 = getelementptr i32, ptr %434, i64 %87
  br label %69

91:
  %92 = add nsw i64 %75, -1
  %93 = add i64 %74, 1
  %94 = shl i64 %74, 1
  %95 = mul nsw i64 %93, %63
  br i1 %71, label %101, label %102

96:
  %97 = phi i64 [ %114, %113 ], [ %42, %116 ]
  %98 = sub i64 %97, %107
  %99 = call i64 @llvm.smax.i64(i64 %98, i64 0)
  %100 = getelementptr i32, ptr %434, i64 %107
  br i1 %73, label %123, label %124

101:
  br label %102

102:
  %103 = phi i64 [ 0, %101 ], [ %70, %91 ]
  %104 = icmp slt i64 %70, %42
  br i1 %104, label %106, label %105

105:
  br label %106

106:
  %107 = phi i64 [ %42, %105 ], [ %103, %102 ]
  %108 = icmp slt i64 %95, 0
  %109 = select i1 %108, i64 %42, i64 0
  %110 = add i64 %95, %109
  %111 = icmp slt i64 %110, 0
  br i1 %111, label %112, label %113

112:
  br label %113

113:
  %114 = phi i64 [ 0, %112 ], [ %110, %106 ]
  %115 = icmp slt i64 %110, %42
  br i1 %115, label %96, label %116

116:
  br label %96

117:
  %118 = phi i64 [ %135, %134 ], [ %45, %137 ]
  %119 = sub i64 %118, %129
  %120 = call i64 @llvm.smax.i64(i64 %119, i64 0)
  %121 = getelementptr i32, ptr %62, i64 %129
  %122 = call i64 @llvm.smax.i64(i64 %63, i64 0)
  br label %77

123:
  br label %124

124:
  %125 = phi i64 [ 0, %123 ], [ %72, %96 ]
  %126 = icmp slt i64 %72, %45
  br i1 %126, label %128, label %127

127:
  br label %128

128:
  %129 = phi i64 [ %45, %127 ], [ %125, %124 ]
  %130 = select i1 %108, i64 %45, i64 0
  %131 = add i64 %95, %130
  %132 = icmp slt i64 %131, 0
  br i1 %132, label %133, label %134

133:
  br label %134

134:
  %135 = phi i64 [ 0, %133 ], [ %131, %128 ]
  %136 = icmp slt i64 %131, %45
  br i1 %136, label %117, label %137

137:
  br label %117

138:
  %139 = add nsw i64 %79, -1
  %140 = add i64 %78, 1
  %141 = icmp slt i64 %78, 0
  %142 = select i1 %141, i64 %99, i64 0
  %143 = getelementptr i32, ptr %100, i64 %78
  %144 = getelementptr i32, ptr %143, i64 %142
  %145 = load i32, ptr %144, align 4
  %146 = select i1 %141, i64 %89, i64 0
  %147 = getelementptr i32, ptr %90, i64 %78
  %148 = getelementptr i32, ptr %147, i64 %146
  %149 = load i32, ptr %148, align 4
  %150 = and i64 %94, 4294967294
  %151 = zext i32 %149 to i64
  %152 = lshr i64 %151, %150
  %153 = trunc nuw i64 %152 to i32
  %154 = shl i32 %153, 30
  %155 = or i32 %145, %154
  %156 = select i1 %141, i64 %120, i64 0
  %157 = getelementptr i32, ptr %121, i64 %78
  %158 = getelementptr i32, ptr %157, i64 %156
  store i32 %155, ptr %158, align 4
  br label %77

159:
  store ptr null, ptr %0, align 8
  ret void

160:
  %161 = phi i64 [ 0, %241 ], [ %166, %172 ]
  %162 = phi i64 [ %242, %241 ], [ %168, %172 ]
  %163 = icmp sgt i64 %162, 0
  %164 = mul nsw i64 %161, %37
  %165 = zext i1 %163 to i64
  %166 = add i64 %161, %165
  %167 = sext i1 %163 to i64
  %168 = add nsw i64 %162, %167
  %169 = select i1 %163, i64 %164, i64 0
  br i1 %163, label %170, label %415

170:
  %171 = call i64 @llvm.smax.i64(i64 %14, i64 0)
  br label %172

172:
  %173 = phi i64 [ 0, %170 ], [ %177, %233 ]
  %174 = phi i64 [ %171, %170 ], [ %179, %233 ]
  %175 = icmp sgt i64 %174, 0
  %176 = zext i1 %175 to i64
  %177 = add i64 %173, %176
  %178 = sext i1 %175 to i64
  %179 = add nsw i64 %174, %178
  %180 = select i1 %175, i64 %173, i64 0
  br i1 %175, label %181, label %160

181:
  %182 = icmp slt i64 %180, 0
  %183 = select i1 %182, i64 %16, i64 0
  %184 = getelementptr i32, ptr %15, i64 %180
  %185 = getelementptr i32, ptr %184, i64 %183
  %186 = load i32, ptr %185, align 4
  %187 = icmp slt i64 %39, 1
  br i1 %187, label %253, label %254

188:
  %189 = phi i64 [ 0, %259 ], [ %216, %215 ]
  %190 = mul nsw i64 %189, %34
  %191 = add nsw i64 %190, %169
  %192 = add nsw i64 %191, %37
  %193 = icmp slt i64 %191, 0
  %194 = select i1 %193, i64 %2, i64 0
  %195 = add i64 %191, %194
  %196 = icmp slt i64 %195, 0
  br i1 %196, label %277, label %278

197:
  %198 = mul nsw i64 %275, %34
  %199 = add nsw i64 %198, %169
  %200 = add nsw i64 %199, %37
  %201 = icmp slt i64 %199, 0
  %202 = select i1 %201, i64 %2, i64 0
  %203 = add i64 %199, %202
  %204 = icmp slt i64 %203, 0
  br i1 %204, label %301, label %302

205:
  %206 = phi i64 [ 0, %293 ], [ %319, %317 ]
  %207 = phi i64 [ %300, %293 ], [ %318, %317 ]
  %208 = icmp sgt i64 %207, 0
  br i1 %208, label %317, label %215

209:
  %210 = call i64 @llvm.smax.i64(i64 %37, i64 0)
  br label %211

211:
  %212 = phi i64 [ 0, %209 ], [ %341, %339 ]
  %213 = phi i64 [ %210, %209 ], [ %340, %339 ]
  %214 = icmp sgt i64 %213, 0
  br i1 %214, label %339, label %215

215:
  %216 = add nuw nsw i64 %189, 2
  %217 = icmp slt i64 %216, %13
  br i1 %217, label %188, label %218

218:
  %219 = select i1 %182, i64 %18, i64 0
  %220 = add i64 %180, %219
  %221 = mul i64 %220, %19
  %222 = getelementptr i32, ptr %17, i64 %221
  %223 = load i32, ptr %222, align 4
  %224 = getelementptr i8, ptr %222, i64 4
  %225 = load i32, ptr %224, align 4
  %226 = add nsw i64 %169, %37
  %227 = select i1 %182, i64 %41, i64 0
  %228 = add i64 %180, %227
  %229 = icmp slt i64 %169, 0
  %230 = select i1 %229, i64 %42, i64 0
  %231 = add i64 %169, %230
  %232 = icmp slt i64 %231, 0
  br i1 %232, label %362, label %363

233:
  %234 = phi i64 [ 0, %354 ], [ %380, %378 ]
  %235 = phi i64 [ %361, %354 ], [ %379, %378 ]
  %236 = icmp sgt i64 %235, 0
  br i1 %236, label %378, label %172

237:
  %238 = icmp ne i64 %34, -9223372036854775808
  %239 = icmp ne i64 %37, -1
  %240 = or i1 %238, %239
  br i1 %240, label %243, label %241

241:
  %242 = phi i64 [ 0, %46 ], [ %252, %243 ], [ 0, %237 ]
  br label %160

243:
  %244 = sdiv i64 %34, %37
  %245 = srem i64 %34, %37
  %246 = xor i64 %37, %245
  %247 = icmp slt i64 %246, 0
  %248 = icmp ne i64 %245, 0
  %249 = and i1 %248, %247
  %250 = sext i1 %249 to i64
  %251 = add i64 %244, %250
  %252 = call i64 @llvm.smax.i64(i64 %251, i64 0)
  br label %241

253:
  br label %254

254:
  %255 = phi i64 [ %39, %253 ], [ 0, %181 ]
  br label %256

256:
  %257 = phi i64 [ %255, %254 ], [ %263, %261 ]
  %258 = icmp slt i64 %257, %39
  br i1 %258, label %261, label %259

259:
  %260 = icmp sgt i64 %13, 0
  br i1 %260, label %188, label %218

261:
  %262 = getelementptr i64, ptr %38, i64 %257
  store i64 0, ptr %262, align 8
  %263 = add nsw i64 %257, 1
  br label %256

264:
  %265 = phi i64 [ %290, %289 ], [ %2, %292 ]
  %266 = sub i64 %265, %283
  %267 = call i64 @llvm.smax.i64(i64 %266, i64 0)
  %268 = getelementptr i32, ptr %1, i64 %283
  %269 = select i1 %182, i64 %12, i64 0
  %270 = add i64 %180, %269
  %271 = mul i64 %270, %13
  %272 = getelementptr i64, ptr %11, i64 %271
  %273 = getelementptr i64, ptr %272, i64 %189
  %274 = load i64, ptr %273, align 8
  %275 = or disjoint i64 %189, 1
  %276 = icmp slt i64 %275, %13
  br i1 %276, label %197, label %209

277:
  br label %278

278:
  %279 = phi i64 [ 0, %277 ], [ %195, %188 ]
  %280 = icmp slt i64 %195, %2
  br i1 %280, label %282, label %281

281:
  br label %282

282:
  %283 = phi i64 [ %2, %281 ], [ %279, %278 ]
  %284 = icmp slt i64 %192, 0
  %285 = select i1 %284, i64 %2, i64 0
  %286 = add i64 %192, %285
  %287 = icmp slt i64 %286, 0
  br i1 %287, label %288, label %289

288:
  br label %289

289:
  %290 = phi i64 [ 0, %288 ], [ %286, %282 ]
  %291 = icmp slt i64 %286, %2
  br i1 %291, label %264, label %292

292:
  br label %264

293:
  %294 = phi i64 [ %314, %313 ], [ %2, %316 ]
  %295 = sub i64 %294, %307
  %296 = call i64 @llvm.smax.i64(i64 %295, i64 0)
  %297 = getelementptr i32, ptr %1, i64 %307
  %298 = getelementptr i8, ptr %273, i64 8
  %299 = load i64, ptr %298, align 8
  %300 = call i64 @llvm.smax.i64(i64 %37, i64 0)
  br label %205

301:
  br label %302

302:
  %303 = phi i64 [ 0, %301 ], [ %203, %197 ]
  %304 = icmp slt i64 %203, %2
  br i1 %304, label %306, label %305

305:
  br label %306

306:
  %307 = phi i64 [ %2, %305 ], [ %303, %302 ]
  %308 = icmp slt i64 %200, 0
  %309 = select i1 %308, i64 %2, i64 0
  %310 = add i64 %200, %309
  %311 = icmp slt i64 %310, 0
  br i1 %311, label %312, label %313

312:
  br label %313

313:
  %314 = phi i64 [ 0, %312 ], [ %310, %306 ]
  %315 = icmp slt i64 %310, %2
  br i1 %315, label %293, label %316

316:
  br label %293

317:
  %318 = add nsw i64 %207, -1
  %319 = add i64 %206, 1
  %320 = icmp slt i64 %206, 0
  %321 = select i1 %320, i64 %39, i64 0
  %322 = getelementptr i64, ptr %38, i64 %206
  %323 = getelementptr i64, ptr %322, i64 %321
  %324 = load i64, ptr %323, align 8
  %325 = select i1 %320, i64 %267, i64 0
  %326 = getelementptr i32, ptr %268, i64 %206
  %327 = getelementptr i32, ptr %326, i64 %325
  %328 = load i32, ptr %327, align 4
  %329 = zext i32 %328 to i64
  %330 = mul i64 %274, %329
  %331 = select i1 %320, i64 %296, i64 0
  %332 = getelementptr i32, ptr %297, i64 %206
  %333 = getelementptr i32, ptr %332, i64 %331
  %334 = load i32, ptr %333, align 4
  %335 = zext i32 %334 to i64
  %336 = mul i64 %299, %335
  %337 = add i64 %330, %336
  %338 = add i64 %324, %337
  store i64 %338, ptr %323, align 8
  br label %205

339:
  %340 = add nsw i64 %213, -1
  %341 = add i64 %212, 1
  %342 = icmp slt i64 %212, 0
  %343 = select i1 %342, i64 %39, i64 0
  %344 = getelementptr i64, ptr %38, i64 %212
  %345 = getelementptr i64, ptr %344, i64 %343
  %346 = load i64, ptr %345, align 8
  %347 = select i1 %342, i64 %267, i64 0
  %348 = getelementptr i32, ptr %268, i64 %212
  %349 = getelementptr i32, ptr %348, i64 %347
  %350 = load i32, ptr %349, align 4
  %351 = zext i32 %350 to i64
  %352 = mul i64 %274, %351
  %353 = add i64 %346, %352
  store i64 %353, ptr %345, align 8
  br label %211

354:
  %355 = phi i64 [ %375, %374 ], [ %42, %377 ]
  %356 = sub i64 %355, %368
  %357 = call i64 @llvm.smax.i64(i64 %356, i64 0)
  %358 = mul i64 %228, %42
  %359 = getelementptr i32, ptr %40, i64 %358
  %360 = getelementptr i32, ptr %359, i64 %368
  %361 = call i64 @llvm.smax.i64(i64 %37, i64 0)
  br label %233

362:
  br label %363

363:
  %364 = phi i64 [ 0, %362 ], [ %231, %218 ]
  %365 = icmp slt i64 %231, %42
  br i1 %365, label %367, label %366

366:
  br label %367

367:
  %368 = phi i64 [ %42, %366 ], [ %364, %363 ]
  %369 = icmp slt i64 %226, 0
  %370 = select i1 %369, i64 %42, i64 0
  %371 = add i64 %226, %370
  %372 = icmp slt i64 %371, 0
  br i1 %372, label %373, label %374

373:
  br label %374

374:
  %375 = phi i64 [ 0, %373 ], [ %371, %367 ]
  %376 = icmp slt i64 %371, %42
  br i1 %376, label %354, label %377

377:
  br label %354

378:
  %379 = add nsw i64 %235, -1
  %380 = add i64 %234, 1
  %381 = icmp slt i64 %234, 0
  %382 = select i1 %381, i64 %39, i64 0
  %383 = getelementptr i64, ptr %38, i64 %234
  %384 = getelementptr i64, ptr %383, i64 %382
  %385 = load i64, ptr %384, align 8
  %386 = lshr i64 %385, 30
  %387 = trunc i64 %386 to i32
  %388 = and i64 %386, 4294967295
  %389 = zext i32 %225 to i64
  %390 = mul nuw i64 %388, %389
  %391 = lshr i64 %390, 32
  %392 = trunc nuw i64 %391 to i32
  %393 = mul i32 %223, %387
  %394 = mul i32 %186, %392
  %395 = sub i32 %393, %394
  %396 = trunc i64 %385 to i32
  %397 = and i32 %396, 1073741823
  %398 = sub i32 %395, %186
  %399 = call i32 @llvm.umin.i32(i32 %398, i32 %395)
  %400 = sub i32 %397, %186
  %401 = call i32 @llvm.umin.i32(i32 %400, i32 %397)
  %402 = add i32 %399, %401
  %403 = add nsw i64 %169, %234
  %404 = icmp slt i64 %403, 0
  %405 = select i1 %404, i64 %36, i64 0
  %406 = getelementptr i8, ptr %35, i64 %403
  %407 = getelementptr i8, ptr %406, i64 %405
  %408 = load i8, ptr %407, align 1
  %409 = sext i8 %408 to i32
  %410 = add i32 %186, %409
  %411 = add i32 %402, %410
  %412 = select i1 %381, i64 %357, i64 0
  %413 = getelementptr i32, ptr %360, i64 %234
  %414 = getelementptr i32, ptr %413, i64 %412
  store i32 %411, ptr %414, align 4
  br label %233

415:
  %416 = icmp slt i64 %14, 0
  %417 = select i1 %416, i64 %41, i64 0
  %418 = add i64 %14, %417
  %419 = mul i64 %418, %42
  %420 = getelementptr i32, ptr %40, i64 %419
  %421 = call i64 @llvm.smax.i64(i64 %14, i64 0)
  br label %50

422:
  %423 = add nsw i64 %52, -1
  %424 = add i64 %51, 1
  %425 = icmp slt i64 %51, 0
  %426 = select i1 %425, i64 %16, i64 0
  %427 = getelementptr i32, ptr %15, i64 %51
  %428 = getelementptr i32, ptr %427, i64 %426
  %429 = load i32, ptr %428, align 4
  %430 = shl i32 %429, 1
  %431 = select i1 %425, i64 %41, i64 0
  %432 = add i64 %51, %431
  %433 = mul i64 %432, %42
  %434 = getelementptr i32, ptr %40, i64 %433
  %435 = select i1 %425, i64 %6, i64 0
  %436 = add i64 %51, %435
  %437 = mul i64 %436, %7
  %438 = getelementptr i32, ptr %5, i64 %437
  %439 = select i1 %425, i64 %9, i64 0
  %440 = add i64 %51, %439
  %441 = mul i64 %440, %10
  %442 = getelementptr i32, ptr %8, i64 %441
  %443 = add i64 %9, %440
  %444 = mul i64 %443, %10
  %445 = getelementptr i32, ptr %8, i64 %444
  %446 = select i1 %425, i64 %21, i64 0
  %447 = add i64 %51, %446
  %448 = mul i64 %447, %22
  %449 = getelementptr i32, ptr %20, i64 %448
  %450 = select i1 %425, i64 %24, i64 0
  %451 = add i64 %51, %450
  %452 = mul i64 %451, %25
  %453 = getelementptr i32, ptr %23, i64 %452
  %454 = select i1 %425, i64 %27, i64 0
  %455 = add i64 %51, %454
  %456 = mul i64 %28, %29
  %457 = mul i64 %455, %456
  %458 = getelementptr i32, ptr %26, i64 %457
  %459 = select i1 %425, i64 %31, i64 0
  %460 = add i64 %51, %459
  %461 = mul i64 %32, %33
  %462 = mul i64 %460, %461
  %463 = getelementptr i32, ptr %30, i64 %462
  store ptr null, ptr %48, align 8
  call void @4(ptr nonnull %48, i64 %42, ptr %434, i64 %42, ptr %420, i64 %42, i32 %429, i64 %22, ptr %449, i64 %22, ptr %453, i64 %25, ptr %458, i64 %28, i64 %29, ptr %463, i64 %32, i64 %33)
  %464 = call i64 @llvm.smax.i64(i64 %42, i64 0)
  br label %54

465:
  %466 = add nsw i64 %56, -1
  %467 = add i64 %55, 1
  %468 = icmp slt i64 %55, 0
  %469 = select i1 %468, i64 %7, i64 0
  %470 = getelementptr i32, ptr %438, i64 %55
  %471 = getelementptr i32, ptr %470, i64 %469
  %472 = load i32, ptr %471, align 4
  %473 = select i1 %468, i64 %10, i64 0
  %474 = getelementptr i32, ptr %442, i64 %55
  %475 = getelementptr i32, ptr %474, i64 %473
  %476 = load i32, ptr %475, align 4
  %477 = getelementptr i32, ptr %445, i64 %55
  %478 = getelementptr i32, ptr %477, i64 %473
  %479 = load i32, ptr %478, align 4
  %480 = zext i32 %472 to i64
  %481 = zext i32 %479 to i64
  %482 = mul nuw i64 %480, %481
  %483 = lshr i64 %482, 32
  %484 = trunc nuw i64 %483 to i32
  %485 = mul i32 %472, %476
  %486 = mul i32 %429, %484
  %487 = sub i32 %485, %486
  %488 = select i1 %468, i64 %42, i64 0
  %489 = getelementptr i32, ptr %434, i64 %55
  %490 = getelementptr i32, ptr %489, i64 %488
  %491 = load i32, ptr %490, align 4
  %492 = sub i32 %491, %430
  %493 = call i32 @llvm.umin.i32(i32 %492, i32 %491)
  %494 = add i32 %487, %493
  %495 = sub i32 %494, %430
  %496 = call i32 @llvm.umin.i32(i32 %495, i32 %494)
  %497 = sub i32 %496, %429
  %498 = call i32 @llvm.umin.i32(i32 %497, i32 %496)
  store i32 %498, ptr %490, align 4
  br label %54
}

define internal void @8(ptr noalias nonnull %0, i64 %1, ptr %2, i64 %3, i64 %4, ptr %5, i64 %6, i32 %7, i64 %8, ptr %9, i64 %10, ptr %11, i64 %12, ptr %13, i64 %14, i64 %15, ptr %16, i64 %17, i64 %18) {
  %20 = icmp eq i64 %8, 0
  br i1 %20, label %133, label %129

21:
  %22 = phi i64 [ %153, %152 ], [ %228, %227 ]
  %23 = phi i64 [ 1, %152 ], [ %229, %227 ]
  br label %24

24:
  %25 = phi i64 [ 0, %21 ], [ %166, %28 ]
  %26 = phi i64 [ %22, %21 ], [ %165, %28 ]
  %27 = icmp sgt i64 %26, 0
  br i1 %27, label %164, label %227

28:
  %29 = phi i64 [ %168, %164 ], [ %172, %32 ]
  %30 = phi i64 [ %169, %164 ], [ %171, %32 ]
  %31 = icmp sgt i64 %30, 0
  br i1 %31, label %170, label %24

32:
  %33 = phi i64 [ 0, %170 ], [ %176, %174 ]
  %34 = phi i64 [ %173, %170 ], [ %175, %174 ]
  %35 = icmp sgt i64 %34, 0
  br i1 %35, label %174, label %28

36:
  %37 = call i64 @llvm.smin.i64(i64 %8, i64 %134)
  %38 = call i64 @llvm.smin.i64(i64 %37, i64 16)
  %39 = icmp eq i64 %37, 0
  br i1 %39, label %56, label %59

40:
  %41 = phi i64 [ 0, %56 ], [ %70, %44 ]
  %42 = phi i64 [ %58, %56 ], [ %69, %44 ]
  %43 = icmp sgt i64 %42, 0
  br i1 %43, label %68, label %110

44:
  %45 = phi i64 [ 0, %72 ], [ %86, %48 ]
  %46 = phi i64 [ %74, %72 ], [ %85, %48 ]
  %47 = icmp sgt i64 %46, 0
  br i1 %47, label %84, label %40

48:
  %49 = phi i64 [ %87, %84 ], [ %91, %52 ]
  %50 = phi i64 [ %88, %84 ], [ %90, %52 ]
  %51 = icmp sgt i64 %50, 0
  br i1 %51, label %89, label %44

52:
  %53 = phi i64 [ %71, %89 ], [ %94, %92 ]
  %54 = phi i64 [ %88, %89 ], [ %93, %92 ]
  %55 = icmp sgt i64 %54, 0
  br i1 %55, label %92, label %48

56:
  %57 = phi i64 [ %38, %36 ], [ %67, %59 ]
  %58 = call i64 @llvm.smax.i64(i64 %57, i64 0)
  br label %40

59:
  %60 = sdiv i64 %134, %38
  %61 = srem i64 %134, %38
  %62 = xor i64 %38, %61
  %63 = icmp slt i64 %62, 0
  %64 = icmp ne i64 %61, 0
  %65 = and i1 %64, %63
  %66 = sext i1 %65 to i64
  %67 = add i64 %60, %66
  br label %56

68:
  %69 = add nsw i64 %42, -1
  %70 = add i64 %41, 1
  %71 = mul nsw i64 %41, %38
  br i1 %39, label %72, label %75

72:
  %73 = phi i64 [ %38, %68 ], [ %83, %75 ]
  %74 = call i64 @llvm.smax.i64(i64 %73, i64 0)
  br label %44

75:
  %76 = sdiv i64 %8, %38
  %77 = srem i64 %8, %38
  %78 = xor i64 %38, %77
  %79 = icmp slt i64 %78, 0
  %80 = icmp ne i64 %77, 0
  %81 = and i1 %80, %79
  %82 = sext i1 %81 to i64
  %83 = add i64 %76, %82
  br label %72

84:
  %85 = add nsw i64 %46, -1
  %86 = add i64 %45, 1
  %87 = mul nsw i64 %45, %38
  %88 = call i64 @llvm.smax.i64(i64 %38, i64 0)
  br label %48

89:
  %90 = add nsw i64 %50, -1
  %91 = add i64 %49, 1
  br label %52

92:
  %93 = add nsw i64 %54, -1
  %94 = add i64 %53, 1
  %95 = icmp slt i64 %53, 0
  %96 = select i1 %95, i64 %134, i64 0
  %97 = add i64 %53, %96
  %98 = icmp slt i64 %49, 0
  %99 = select i1 %98, i64 %8, i64 0
  %100 = mul i64 %97, %8
  %101 = getelementptr i32, ptr %5, i64 %100
  %102 = getelementptr i32, ptr %101, i64 %49
  %103 = getelementptr i32, ptr %102, i64 %99
  %104 = load i32, ptr %103, align 4
  %105 = add i64 %49, %99
  %106 = mul i64 %105, %134
  %107 = getelementptr i32, ptr %2, i64 %106
  %108 = getelementptr i32, ptr %107, i64 %53
  %109 = getelementptr i32, ptr %108, i64 %96
  store i32 %104, ptr %109, align 4
  br label %52

110:
  %111 = ashr i64 %8, 1
  %112 = icmp sgt i64 %111, 0
  br i1 %112, label %113, label %128

113:
  %114 = phi i64 [ %111, %110 ], [ %287, %286 ]
  %115 = phi i64 [ 1, %110 ], [ %288, %286 ]
  br label %116

116:
  %117 = phi i64 [ 0, %113 ], [ %233, %120 ]
  %118 = phi i64 [ %114, %113 ], [ %232, %120 ]
  %119 = icmp sgt i64 %118, 0
  br i1 %119, label %231, label %286

120:
  %121 = phi i64 [ %245, %231 ], [ %249, %124 ]
  %122 = phi i64 [ %246, %231 ], [ %248, %124 ]
  %123 = icmp sgt i64 %122, 0
  br i1 %123, label %247, label %116

124:
  %125 = phi i64 [ 0, %247 ], [ %253, %251 ]
  %126 = phi i64 [ %250, %247 ], [ %252, %251 ]
  %127 = icmp sgt i64 %126, 0
  br i1 %127, label %251, label %120

128:
  store ptr null, ptr %0, align 8
  ret void

129:
  %130 = icmp ne i64 %1, -9223372036854775808
  %131 = icmp ne i64 %8, -1
  %132 = or i1 %130, %131
  br i1 %132, label %155, label %133

133:
  %134 = phi i64 [ 0, %19 ], [ %163, %155 ], [ 0, %129 ]
  %135 = shl i32 %7, 1
  %136 = call i64 @llvm.smax.i64(i64 %4, i64 0)
  br label %137

137:
  %138 = phi i64 [ 0, %133 ], [ %143, %141 ]
  %139 = phi i64 [ %136, %133 ], [ %142, %141 ]
  %140 = icmp sgt i64 %139, 0
  br i1 %140, label %141, label %152

141:
  %142 = add nsw i64 %139, -1
  %143 = add i64 %138, 1
  %144 = icmp slt i64 %138, 0
  %145 = select i1 %144, i64 %3, i64 0
  %146 = getelementptr i32, ptr %2, i64 %138
  %147 = getelementptr i32, ptr %146, i64 %145
  %148 = load i32, ptr %147, align 4
  %149 = select i1 %144, i64 %6, i64 0
  %150 = getelementptr i32, ptr %5, i64 %138
  %151 = getelementptr i32, ptr %150, i64 %149
  store i32 %148, ptr %151, align 4
  br label %137

152:
  %153 = ashr i64 %134, 1
  %154 = icmp sgt i64 %153, 0
  br i1 %154, label %21, label %36

155:
  %156 = sdiv i64 %1, %8
  %157 = srem i64 %1, %8
  %158 = xor i64 %8, %157
  %159 = icmp slt i64 %158, 0
  %160 = icmp ne i64 %157, 0
  %161 = and i1 %160, %159
  %162 = sext i1 %161 to i64
  %163 = add i64 %156, %162
  br label %133

164:
  %165 = add nsw i64 %26, -1
  %166 = add i64 %25, 1
  %167 = shl nsw i64 %25, 1
  %168 = mul nsw i64 %167, %23
  %169 = call i64 @llvm.smax.i64(i64 %23, i64 0)
  br label %28

170:
  %171 = add nsw i64 %30, -1
  %172 = add i64 %29, 1
  %173 = call i64 @llvm.smax.i64(i64 %8, i64 0)
  br label %32

174:
  %175 = add nsw i64 %34, -1
  %176 = add i64 %33, 1
  %177 = icmp slt i64 %29, 0
  %178 = select i1 %177, i64 %134, i64 0
  %179 = add i64 %29, %178
  %180 = icmp slt i64 %33, 0
  %181 = select i1 %180, i64 %8, i64 0
  %182 = mul i64 %179, %8
  %183 = getelementptr i32, ptr %5, i64 %182
  %184 = getelementptr i32, ptr %183, i64 %33
  %185 = getelementptr i32, ptr %184, i64 %181
  %186 = load i32, ptr %185, align 4
  %187 = add nsw i64 %29, %23
  %188 = icmp slt i64 %187, 0
  %189 = select i1 %188, i64 %134, i64 0
  %190 = add i64 %187, %189
  %191 = mul i64 %190, %8
  %192 = getelementptr i32, ptr %5, i64 %191
  %193 = getelementptr i32, ptr %192, i64 %33
  %194 = getelementptr i32, ptr %193, i64 %181
  %195 = load i32, ptr %194, align 4
  %196 = add i32 %186, %195
  %197 = sub i32 %196, %135
  %198 = call i32 @llvm.umin.i32(i32 %197, i32 %196)
  store i32 %198, ptr %185, align 4
  %199 = sub i32 %135, %195
  %200 = add i32 %186, %199
  %201 = add nsw i64 %22, %25
  %202 = icmp slt i64 %201, 0
  %203 = select i1 %202, i64 %14, i64 0
  %204 = add i64 %201, %203
  %205 = select i1 %180, i64 %15, i64 0
  %206 = mul i64 %204, %15
  %207 = getelementptr i32, ptr %13, i64 %206
  %208 = getelementptr i32, ptr %207, i64 %33
  %209 = getelementptr i32, ptr %208, i64 %205
  %210 = load i32, ptr %209, align 4
  %211 = select i1 %202, i64 %17, i64 0
  %212 = add i64 %201, %211
  %213 = select i1 %180, i64 %18, i64 0
  %214 = mul i64 %212, %18
  %215 = getelementptr i32, ptr %16, i64 %214
  %216 = getelementptr i32, ptr %215, i64 %33
  %217 = getelementptr i32, ptr %216, i64 %213
  %218 = load i32, ptr %217, align 4
  %219 = zext i32 %200 to i64
  %220 = zext i32 %218 to i64
  %221 = mul nuw i64 %219, %220
  %222 = lshr i64 %221, 32
  %223 = trunc nuw i64 %222 to i32
  %224 = mul i32 %200, %210
  %225 = mul i32 %7, %223
  %226 = sub i32 %224, %225
  store i32 %226, ptr %194, align 4
  br label %32

227:
  %228 = lshr i64 %22, 1
  %229 = shl nsw i64 %23, 1
  %230 = icmp eq i64 %228, 0
  br i1 %230, label %36, label %21

231:
  %232 = add nsw i64 %118, -1
  %233 = add i64 %117, 1
  %234 = add nsw i64 %114, %117
  %235 = icmp slt i64 %234, 0
  %236 = select i1 %235, i64 %10, i64 0
  %237 = getelementptr i32, ptr %9, i64 %234
  %238 = getelementptr i32, ptr %237, i64 %236
  %239 = load i32, ptr %238, align 4
  %240 = select i1 %235, i64 %12, i64 0
  %241 = getelementptr i32, ptr %11, i64 %234
  %242 = getelementptr i32, ptr %241, i64 %240
  %243 = load i32, ptr %242, align 4
  %244 = shl nsw i64 %117, 1
  %245 = mul nsw i64 %244, %115
  %246 = call i64 @llvm.smax.i64(i64 %115, i64 0)
  br label %120

247:
  %248 = add nsw i64 %122, -1
  %249 = add i64 %121, 1
  %250 = call i64 @llvm.smax.i64(i64 %134, i64 0)
  br label %124

251:
  %252 = add nsw i64 %126, -1
  %253 = add i64 %125, 1
  %254 = icmp slt i64 %121, 0
  %255 = select i1 %254, i64 %8, i64 0
  %256 = add i64 %121, %255
  %257 = icmp slt i64 %125, 0
  %258 = select i1 %257, i64 %134, i64 0
  %259 = mul i64 %256, %134
  %260 = getelementptr i32, ptr %2, i64 %259
  %261 = getelementptr i32, ptr %260, i64 %125
  %262 = getelementptr i32, ptr %261, i64 %258
  %263 = load i32, ptr %262, align 4
  %264 = add nsw i64 %121, %115
  %265 = icmp slt i64 %264, 0
  %266 = select i1 %265, i64 %8, i64 0
  %267 = add i64 %264, %266
  %268 = mul i64 %267, %134
  %269 = getelementptr i32, ptr %2, i64 %268
  %270 = getelementptr i32, ptr %269, i64 %125
  %271 = getelementptr i32, ptr %270, i64 %258
  %272 = load i32, ptr %271, align 4
  %273 = add i32 %263, %272
  %274 = sub i32 %273, %135
  %275 = call i32 @llvm.umin.i32(i32 %274, i32 %273)
  store i32 %275, ptr %262, align 4
  %276 = sub i32 %135, %272
  %277 = add i32 %263, %276
  %278 = zext i32 %277 to i64
  %279 = zext i32 %243 to i64
  %280 = mul nuw i64 %278, %279
  %281 = lshr i64 %280, 32
  %282 = trunc nuw i64 %281 to i32
  %283 = mul i32 %277, %239
  %284 = mul i32 %7, %282
  %285 = sub i32 %283, %284
  store i32 %285, ptr %271, align 4
  br label %124

286:
  %287 = lshr i64 %114, 1
  %288 = shl nsw i64 %115, 1
  %289 = icmp eq i64 %287, 0
  br i1 %289, label %128, label %113
}

define internal void @9(ptr noalias nonnull %0, ptr %1, i64 %2, i64 %3, ptr %4, i64 %5, i64 %6, i64 %7, ptr %8, i64 %9, ptr %10, i64 %11, i64 %12, ptr %13, i64 %14, i64 %15, ptr %16, i64 %17, i64 %18, ptr %19, i64 %20, i64 %21, i64 %22, ptr %23, i64 %24, i64 %25, i64 %26, i64 %27, i64 %28, ptr %29, i64 %30, ptr %31, i64 %32, i64 %33) {
  %35 = alloca ptr, align 8
  %36 = call i64 @llvm.smax.i64(i64 %7, i64 0)
  br label %37

37:
  %38 = phi i64 [ 0, %34 ], [ %79, %72 ]
  %39 = phi i64 [ %36, %34 ], [ %78, %72 ]
  %40 = icmp sgt i64 %39, 0
  br i1 %40, label %77, label %76

41:
  %42 = phi i64 [ 0, %77 ], [ %104, %102 ]
  %43 = phi i64 [ %101, %77 ], [ %103, %102 ]
  %44 = icmp sgt i64 %43, 0
  br i1 %44, label %102, label %45

45:
  %46 = select i1 %80, i64 %14, i64 0
  %47 = add i64 %38, %46
  %48 = mul i64 %47, %15
  %49 = getelementptr i32, ptr %13, i64 %48
  %50 = select i1 %80, i64 %17, i64 0
  %51 = add i64 %38, %50
  %52 = mul i64 %51, %18
  %53 = getelementptr i32, ptr %16, i64 %52
  %54 = select i1 %80, i64 %20, i64 0
  %55 = add i64 %38, %54
  %56 = mul i64 %21, %22
  %57 = mul i64 %55, %56
  %58 = getelementptr i32, ptr %19, i64 %57
  %59 = select i1 %80, i64 %24, i64 0
  %60 = add i64 %38, %59
  %61 = mul i64 %25, %26
  %62 = mul i64 %60, %61
  %63 = getelementptr i32, ptr %23, i64 %62
  store ptr null, ptr %35, align 8
  call void @8(ptr nonnull %35, i64 %33, ptr %89, i64 %33, i64 %28, ptr %29, i64 %30, i32 %84, i64 %15, ptr %49, i64 %15, ptr %53, i64 %18, ptr %58, i64 %21, i64 %22, ptr %63, i64 %25, i64 %26)
  %64 = select i1 %80, i64 %11, i64 0
  %65 = add i64 %38, %64
  %66 = mul i64 %65, %12
  %67 = getelementptr i32, ptr %10, i64 %66
  %68 = load i32, ptr %67, align 4
  %69 = getelementptr i8, ptr %67, i64 4
  %70 = load i32, ptr %69, align 4
  %71 = icmp eq i32 %84, 0
  br i1 %71, label %133, label %135

72:
  %73 = phi i64 [ 0, %133 ], [ %146, %144 ]
  %74 = phi i64 [ %101, %133 ], [ %145, %144 ]
  %75 = icmp sgt i64 %74, 0
  br i1 %75, label %144, label %37

76:
  store ptr null, ptr %0, align 8
  ret void

77:
  %78 = add nsw i64 %39, -1
  %79 = add i64 %38, 1
  %80 = icmp slt i64 %38, 0
  %81 = select i1 %80, i64 %9, i64 0
  %82 = getelementptr i32, ptr %8, i64 %38
  %83 = getelementptr i32, ptr %82, i64 %81
  %84 = load i32, ptr %83, align 4
  %85 = shl i32 %84, 1
  %86 = select i1 %80, i64 %32, i64 0
  %87 = add i64 %38, %86
  %88 = mul i64 %87, %33
  %89 = getelementptr i32, ptr %31, i64 %88
  %90 = select i1 %80, i64 %2, i64 0
  %91 = add i64 %38, %90
  %92 = mul i64 %91, %3
  %93 = getelementptr i32, ptr %1, i64 %92
  %94 = select i1 %80, i64 %5, i64 0
  %95 = add i64 %38, %94
  %96 = mul i64 %95, %6
  %97 = getelementptr i32, ptr %4, i64 %96
  %98 = add i64 %5, %95
  %99 = mul i64 %98, %6
  %100 = getelementptr i32, ptr %4, i64 %99
  %101 = call i64 @llvm.smax.i64(i64 %33, i64 0)
  br label %41

102:
  %103 = add nsw i64 %43, -1
  %104 = add i64 %42, 1
  %105 = icmp slt i64 %42, 0
  %106 = select i1 %105, i64 %33, i64 0
  %107 = getelementptr i32, ptr %89, i64 %42
  %108 = getelementptr i32, ptr %107, i64 %106
  %109 = load i32, ptr %108, align 4
  %110 = select i1 %105, i64 %6, i64 0
  %111 = getelementptr i32, ptr %97, i64 %42
  %112 = getelementptr i32, ptr %111, i64 %110
  %113 = load i32, ptr %112, align 4
  %114 = getelementptr i32, ptr %100, i64 %42
  %115 = getelementptr i32, ptr %114, i64 %110
  %116 = load i32, ptr %115, align 4
  %117 = zext i32 %109 to i64
  %118 = zext i32 %116 to i64
  %119 = mul nuw i64 %117, %118
  %120 = lshr i64 %119, 32
  %121 = trunc nuw i64 %120 to i32
  %122 = mul i32 %109, %113
  %123 = mul i32 %84, %121
  %124 = sub i32 %123, %122
  %125 = select i1 %105, i64 %3, i64 0
  %126 = getelementptr i32, ptr %93, i64 %42
  %127 = getelementptr i32, ptr %126, i64 %125
  %128 = load i32, ptr %127, align 4
  %129 = add i32 %124, %85
  %130 = add i32 %128, %129
  %131 = sub i32 %130, %85
  %132 = call i32 @llvm.umin.i32(i32 %131, i32 %130)
  store i32 %132, ptr %108, align 4
  br label %41

133:
  %134 = phi i32 [ 0, %45 ], [ %143, %135 ]
  br label %72

135:
  %136 = zext i32 %84 to i64
  %137 = add nsw i64 %27, -1
  %138 = shl nuw i64 1, %137
  %139 = srem i64 %138, %136
  %140 = icmp slt i64 %139, 0
  %141 = select i1 %140, i64 %136, i64 0
  %142 = add nsw i64 %139, %141
  %143 = trunc i64 %142 to i32
  br label %133

144:
  %145 = add nsw i64 %74, -1
  %146 = add i64 %73, 1
  %147 = icmp slt i64 %73, 0
  %148 = select i1 %147, i64 %33, i64 0
  %149 = getelementptr i32, ptr %89, i64 %73
  %150 = getelementptr i32, ptr %149, i64 %148
  %151 = load i32, ptr %150, align 4
  %152 = zext i32 %151 to i64
  %153 = zext i32 %70 to i64
  %154 = mul nuw i64 %152, %153
  %155 = lshr i64 %154, 32
  %156 = trunc nuw i64 %155 to i32
  %157 = mul i32 %151, %68
  %158 = mul i32 %84, %156
  %159 = sub i32 %157, %158
  %160 = sub i32 %159, %84
  %161 = call i32 @llvm.umin.i32(i32 %160, i32 %159)
  %162 = add i32 %161, %134
  %163 = sub i32 %162, %84
  %164 = call i32 @llvm.umin.i32(i32 %163, i32 %162)
  store i32 %164, ptr %150, align 4
  br label %72
}

define internal void @10(ptr noalias nonnull %0, ptr %1, i64 %2, i64 %3, ptr %4, i64 %5, i64 %6, i64 %7, ptr %8, i64 %9, i64 %10, ptr %11, i64 %12, ptr %13, i64 %14, i64 %15) {
  %17 = icmp eq i64 %3, %10
  %18 = call i64 @llvm.smax.i64(i64 %5, i64 0)
  br label %19

19:
  %20 = phi i64 [ 0, %16 ], [ %293, %23 ]
  %21 = phi i64 [ %18, %16 ], [ %292, %23 ]
  %22 = icmp sgt i64 %21, 0
  br i1 %22, label %291, label %27

23:
  %24 = phi i64 [ 0, %291 ], [ %302, %300 ]
  %25 = phi i64 [ %299, %291 ], [ %301, %300 ]
  %26 = icmp sgt i64 %25, 0
  br i1 %26, label %300, label %19

27:
  %28 = call i64 @llvm.smax.i64(i64 %7, i64 0)
  br label %29

29:
  %30 = phi i64 [ 0, %27 ], [ %34, %196 ]
  %31 = phi i64 [ %28, %27 ], [ %36, %196 ]
  %32 = icmp sgt i64 %31, 0
  %33 = zext i1 %32 to i64
  %34 = add i64 %30, %33
  %35 = sext i1 %32 to i64
  %36 = add nsw i64 %31, %35
  %37 = select i1 %32, i64 %30, i64 0
  br i1 %32, label %38, label %194

38:
  br i1 %17, label %152, label %39

39:
  %40 = icmp slt i64 %37, 0
  %41 = select i1 %40, i64 %2, i64 0
  %42 = add i64 %37, %41
  %43 = mul i64 %42, %3
  %44 = getelementptr i32, ptr %1, i64 %43
  %45 = ashr i64 %10, 4
  %46 = mul nsw i64 %45, 15
  %47 = icmp slt i64 %45, 0
  %48 = select i1 %47, i64 %12, i64 0
  %49 = add i64 %46, %48
  %50 = icmp slt i64 %49, 0
  br i1 %50, label %63, label %64

51:
  %52 = phi i64 [ 0, %77 ], [ %102, %59 ]
  %53 = phi i1 [ false, %77 ], [ %103, %59 ]
  %54 = phi i64 [ 0, %77 ], [ %123, %59 ]
  %55 = phi i1 [ false, %77 ], [ %124, %59 ]
  %56 = phi i64 [ 0, %77 ], [ %85, %59 ]
  %57 = phi i64 [ 15, %77 ], [ %84, %59 ]
  %58 = icmp sgt i64 %57, 0
  br i1 %58, label %83, label %174

59:
  %60 = phi i64 [ 0, %109 ], [ %132, %130 ]
  %61 = phi i64 [ %114, %109 ], [ %131, %130 ]
  %62 = icmp sgt i64 %61, 0
  br i1 %62, label %130, label %51

63:
  br label %64

64:
  %65 = phi i64 [ 0, %63 ], [ %49, %39 ]
  %66 = icmp slt i64 %49, %12
  br i1 %66, label %68, label %67

67:
  br label %68

68:
  %69 = phi i64 [ %12, %67 ], [ %65, %64 ]
  %70 = sub i64 %12, %69
  %71 = icmp slt i64 %70, 1
  %72 = select i1 %71, i64 0, i64 %70
  %73 = getelementptr i32, ptr %11, i64 %69
  br i1 %71, label %74, label %75

74:
  br label %75

75:
  %76 = phi i64 [ %72, %74 ], [ 0, %68 ]
  br label %77

77:
  %78 = phi i64 [ %76, %75 ], [ %82, %80 ]
  %79 = icmp slt i64 %78, %72
  br i1 %79, label %80, label %51

80:
  %81 = getelementptr i32, ptr %73, i64 %78
  store i32 0, ptr %81, align 4
  %82 = add nsw i64 %78, 1
  br label %77

83:
  %84 = add nsw i64 %57, -1
  %85 = add i64 %56, 1
  %86 = shl i64 %56, 1
  %87 = mul nsw i64 %85, %45
  br i1 %53, label %93, label %94

88:
  %89 = phi i64 [ %106, %105 ], [ %3, %108 ]
  %90 = sub i64 %89, %99
  %91 = call i64 @llvm.smax.i64(i64 %90, i64 0)
  %92 = getelementptr i32, ptr %44, i64 %99
  br i1 %55, label %115, label %116

93:
  br label %94

94:
  %95 = phi i64 [ 0, %93 ], [ %52, %83 ]
  %96 = icmp slt i64 %52, %3
  br i1 %96, label %98, label %97

97:
  br label %98

98:
  %99 = phi i64 [ %3, %97 ], [ %95, %94 ]
  %100 = icmp slt i64 %87, 0
  %101 = select i1 %100, i64 %3, i64 0
  %102 = add i64 %87, %101
  %103 = icmp slt i64 %102, 0
  br i1 %103, label %104, label %105

104:
  br label %105

105:
  %106 = phi i64 [ 0, %104 ], [ %102, %98 ]
  %107 = icmp slt i64 %102, %3
  br i1 %107, label %88, label %108

108:
  br label %88

109:
  %110 = phi i64 [ %127, %126 ], [ %12, %129 ]
  %111 = sub i64 %110, %121
  %112 = call i64 @llvm.smax.i64(i64 %111, i64 0)
  %113 = getelementptr i32, ptr %11, i64 %121
  %114 = call i64 @llvm.smax.i64(i64 %45, i64 0)
  br label %59

115:
  br label %116

116:
  %117 = phi i64 [ 0, %115 ], [ %54, %88 ]
  %118 = icmp slt i64 %54, %12
  br i1 %118, label %120, label %119

119:
  br label %120

120:
  %121 = phi i64 [ %12, %119 ], [ %117, %116 ]
  %122 = select i1 %100, i64 %12, i64 0
  %123 = add i64 %87, %122
  %124 = icmp slt i64 %123, 0
  br i1 %124, label %125, label %126

125:
  br label %126

126:
  %127 = phi i64 [ 0, %125 ], [ %123, %120 ]
  %128 = icmp slt i64 %123, %12
  br i1 %128, label %109, label %129

129:
  br label %109

130:
  %131 = add nsw i64 %61, -1
  %132 = add i64 %60, 1
  %133 = icmp slt i64 %60, 0
  %134 = select i1 %133, i64 %91, i64 0
  %135 = getelementptr i32, ptr %92, i64 %60
  %136 = getelementptr i32, ptr %135, i64 %134
  %137 = load i32, ptr %136, align 4
  %138 = and i32 %137, 1073741823
  %139 = select i1 %133, i64 %112, i64 0
  %140 = getelementptr i32, ptr %113, i64 %60
  %141 = getelementptr i32, ptr %140, i64 %139
  store i32 %138, ptr %141, align 4
  %142 = select i1 %133, i64 %72, i64 0
  %143 = getelementptr i32, ptr %73, i64 %60
  %144 = getelementptr i32, ptr %143, i64 %142
  %145 = load i32, ptr %144, align 4
  %146 = lshr i32 %137, 30
  %147 = zext nneg i32 %146 to i64
  %148 = and i64 %86, 4294967294
  %149 = shl i64 %147, %148
  %150 = trunc i64 %149 to i32
  %151 = or i32 %145, %150
  store i32 %151, ptr %144, align 4
  br label %59

152:
  %153 = icmp slt i64 %37, 0
  %154 = select i1 %153, i64 %2, i64 0
  %155 = add i64 %37, %154
  %156 = mul i64 %155, %3
  %157 = getelementptr i32, ptr %1, i64 %156
  %158 = call i64 @llvm.smax.i64(i64 %3, i64 0)
  br label %159

159:
  %160 = phi i64 [ 0, %152 ], [ %165, %163 ]
  %161 = phi i64 [ %158, %152 ], [ %164, %163 ]
  %162 = icmp sgt i64 %161, 0
  br i1 %162, label %163, label %174

163:
  %164 = add nsw i64 %161, -1
  %165 = add i64 %160, 1
  %166 = icmp slt i64 %160, 0
  %167 = select i1 %166, i64 %3, i64 0
  %168 = getelementptr i32, ptr %157, i64 %160
  %169 = getelementptr i32, ptr %168, i64 %167
  %170 = load i32, ptr %169, align 4
  %171 = select i1 %166, i64 %12, i64 0
  %172 = getelementptr i32, ptr %11, i64 %160
  %173 = getelementptr i32, ptr %172, i64 %171
  store i32 %170, ptr %173, align 4
  br label %159

174:
  %175 = icmp slt i64 %37, 0
  %176 = select i1 %175, i64 %9, i64 0
  %177 = getelementptr i32, ptr %8, i64 %37
  %178 = getelementptr i32, ptr %177, i64 %176
  %179 = load i32, ptr %178, align 4
  br label %180

180:
  %181 = phi i64 [ 0, %174 ], [ %188, %184 ]
  %182 = phi i64 [ 0, %174 ], [ %191, %184 ]
  %183 = icmp slt i64 %181, %12
  br i1 %183, label %184, label %192

184:
  %185 = shl i64 %181, 2
  %186 = getelementptr i8, ptr %11, i64 %185
  %187 = load i32, ptr %186, align 4
  %188 = add nuw nsw i64 %181, 1
  %189 = icmp uge i32 %187, %179
  %190 = zext i1 %189 to i64
  %191 = add nuw nsw i64 %182, %190
  br label %180

192:
  %193 = icmp eq i64 %182, 0
  br i1 %193, label %196, label %194

194:
  %195 = phi i8 [ 0, %192 ], [ 1, %29 ]
  store i8 %195, ptr %0, align 1
  ret void

196:
  %197 = phi i64 [ %311, %289 ], [ 0, %192 ]
  %198 = phi i64 [ %310, %289 ], [ %18, %192 ]
  %199 = icmp sgt i64 %198, 0
  br i1 %199, label %309, label %29

200:
  %201 = phi i64 [ 0, %233 ], [ %238, %206 ]
  %202 = phi i64 [ %235, %233 ], [ %237, %206 ]
  %203 = phi i64 [ 0, %233 ], [ %209, %206 ]
  %204 = phi i64 [ 0, %233 ], [ %210, %206 ]
  %205 = icmp sgt i64 %202, 0
  br i1 %205, label %236, label %222

206:
  %207 = phi i64 [ 0, %260 ], [ %266, %217 ]
  %208 = phi i64 [ %263, %260 ], [ %265, %217 ]
  %209 = phi i64 [ %203, %260 ], [ %219, %217 ]
  %210 = phi i64 [ %204, %260 ], [ %221, %217 ]
  %211 = icmp sgt i64 %208, 0
  br i1 %211, label %264, label %200

212:
  %213 = phi i64 [ 0, %264 ], [ %269, %267 ]
  %214 = phi i64 [ 16, %264 ], [ %268, %267 ]
  %215 = phi i64 [ 0, %264 ], [ %279, %267 ]
  %216 = icmp sgt i64 %214, 0
  br i1 %216, label %267, label %217

217:
  %218 = and i64 %215, 4294967295
  %219 = add i64 %209, %218
  %220 = lshr i64 %215, 32
  %221 = add i64 %210, %220
  br label %206

222:
  %223 = icmp eq i32 %317, 0
  br i1 %223, label %289, label %280

224:
  %225 = sdiv i64 %10, %330
  %226 = srem i64 %10, %330
  %227 = xor i64 %330, %226
  %228 = icmp slt i64 %227, 0
  %229 = icmp ne i64 %226, 0
  %230 = and i1 %229, %228
  %231 = sext i1 %230 to i64
  %232 = add nsw i64 %225, %231
  br label %233

233:
  %234 = phi i64 [ %330, %309 ], [ %232, %224 ]
  %235 = call i64 @llvm.smax.i64(i64 %234, i64 0)
  br label %200

236:
  %237 = add nsw i64 %202, -1
  %238 = add i64 %201, 1
  %239 = mul nsw i64 %330, %201
  %240 = icmp slt i64 %239, 0
  %241 = select i1 %240, i64 %12, i64 0
  %242 = add i64 %239, %241
  %243 = icmp slt i64 %242, 0
  br i1 %243, label %244, label %245

244:
  br label %245

245:
  %246 = phi i64 [ 0, %244 ], [ %242, %236 ]
  %247 = icmp slt i64 %242, %12
  br i1 %247, label %249, label %248

248:
  br label %249

249:
  %250 = phi i64 [ %12, %248 ], [ %246, %245 ]
  %251 = getelementptr i32, ptr %11, i64 %250
  %252 = select i1 %240, i64 %6, i64 0
  %253 = add i64 %239, %252
  %254 = icmp slt i64 %253, 0
  br i1 %254, label %255, label %256

255:
  br label %256

256:
  %257 = phi i64 [ 0, %255 ], [ %253, %249 ]
  %258 = icmp slt i64 %253, %6
  br i1 %258, label %260, label %259

259:
  br label %260

260:
  %261 = phi i64 [ %6, %259 ], [ %257, %256 ]
  %262 = getelementptr i32, ptr %316, i64 %261
  %263 = call i64 @llvm.smax.i64(i64 %329, i64 0)
  br label %206

264:
  %265 = add nsw i64 %208, -1
  %266 = add i64 %207, 1
  br label %212

267:
  %268 = add nsw i64 %214, -1
  %269 = add i64 %213, 1
  %270 = mul i64 %213, %329
  %271 = add i64 %207, %270
  %272 = getelementptr i32, ptr %251, i64 %271
  %273 = load i32, ptr %272, align 4
  %274 = zext i32 %273 to i64
  %275 = getelementptr i32, ptr %262, i64 %271
  %276 = load i32, ptr %275, align 4
  %277 = zext i32 %276 to i64
  %278 = mul nuw i64 %274, %277
  %279 = add i64 %215, %278
  br label %212

280:
  %281 = urem i64 %204, %318
  %282 = urem i64 4294967296, %318
  %283 = mul nuw i64 %281, %282
  %284 = urem i64 %203, %318
  %285 = add nuw i64 %283, %284
  %286 = add nuw i64 %285, %327
  %287 = urem i64 %286, %318
  %288 = trunc nuw i64 %287 to i32
  br label %289

289:
  %290 = phi i32 [ %288, %280 ], [ 0, %222 ]
  store i32 %290, ptr %325, align 4
  br label %196

291:
  %292 = add nsw i64 %21, -1
  %293 = add i64 %20, 1
  %294 = icmp slt i64 %20, 0
  %295 = select i1 %294, i64 %5, i64 0
  %296 = add i64 %20, %295
  %297 = mul i64 %296, %6
  %298 = getelementptr i32, ptr %4, i64 %297
  %299 = call i64 @llvm.smax.i64(i64 %6, i64 0)
  br label %23

300:
  %301 = add nsw i64 %25, -1
  %302 = add i64 %24, 1
  %303 = icmp slt i64 %24, 0
  %304 = select i1 %303, i64 %6, i64 0
  %305 = getelementptr i32, ptr %298, i64 %24
  %306 = getelementptr i32, ptr %305, i64 %304
  %307 = load i32, ptr %306, align 4
  %308 = and i32 %307, 1073741823
  store i32 %308, ptr %306, align 4
  br label %23

309:
  %310 = add nsw i64 %198, -1
  %311 = add i64 %197, 1
  %312 = icmp slt i64 %197, 0
  %313 = select i1 %312, i64 %5, i64 0
  %314 = add i64 %197, %313
  %315 = mul i64 %314, %6
  %316 = getelementptr i32, ptr %4, i64 %315
  %317 = load i32, ptr %178, align 4
  %318 = zext i32 %317 to i64
  %319 = select i1 %312, i64 %14, i64 0
  %320 = add i64 %197, %319
  %321 = select i1 %175, i64 %15, i64 0
  %322 = mul i64 %320, %15
  %323 = getelementptr i32, ptr %13, i64 %322
  %324 = getelementptr i32, ptr %323, i64 %37
  %325 = getelementptr i32, ptr %324, i64 %321
  %326 = load i32, ptr %325, align 4
  %327 = zext i32 %326 to i64
  %328 = ashr i64 %10, 4
  %329 = call i64 @llvm.smin.i64(i64 %328, i64 64)
  %330 = shl nsw i64 %329, 4
  %331 = icmp eq i64 %328, 0
  br i1 %331, label %233, label %224
}

define internal void @11(ptr noalias nonnull %0, i64 %1, ptr %2, i64 %3, i64 %4, ptr %5, i64 %6) {
  %8 = call i64 @llvm.smax.i64(i64 %4, i64 0)
  br label %9

9:
  %10 = phi i64 [ 0, %7 ], [ %20, %13 ]
  %11 = phi i64 [ %8, %7 ], [ %19, %13 ]
  %12 = icmp sgt i64 %11, 0
  br i1 %12, label %18, label %17

13:
  %14 = phi i64 [ 0, %18 ], [ %25, %23 ]
  %15 = phi i64 [ %22, %18 ], [ %24, %23 ]
  %16 = icmp sgt i64 %15, 0
  br i1 %16, label %23, label %9

17:
  store ptr null, ptr %0, align 8
  ret void

18:
  %19 = add nsw i64 %11, -1
  %20 = add i64 %10, 1
  %21 = shl i64 %10, 3
  %22 = call i64 @llvm.smax.i64(i64 %1, i64 0)
  br label %13

23:
  %24 = add nsw i64 %15, -1
  %25 = add i64 %14, 1
  %26 = icmp slt i64 %14, 0
  %27 = select i1 %26, i64 %3, i64 0
  %28 = getelementptr i32, ptr %2, i64 %14
  %29 = getelementptr i32, ptr %28, i64 %27
  %30 = load i32, ptr %29, align 4
  %31 = and i64 %21, 4294967288
  %32 = zext i32 %30 to i64
  %33 = lshr i64 %32, %31
  %34 = trunc i64 %33 to i8
  %35 = mul nsw i64 %14, %4
  %36 = add nsw i64 %35, %10
  %37 = icmp slt i64 %36, 0
  %38 = select i1 %37, i64 %6, i64 0
  %39 = getelementptr i8, ptr %5, i64 %36
  %40 = getelementptr i8, ptr %39, i64 %38
  store i8 %34, ptr %40, align 1
  br label %13
}

define internal void @12(ptr noalias nonnull %0, i64 %1, ptr %2, i64 %3, i64 %4) {
  %6 = icmp eq i64 %4, 0
  br i1 %6, label %49, label %45

7:
  %8 = phi i64 [ 0, %49 ], [ %63, %72 ]
  %9 = phi i64 [ %50, %49 ], [ %62, %72 ]
  %10 = phi i64 [ 0, %49 ], [ %74, %72 ]
  %11 = icmp sgt i64 %9, 0
  br i1 %11, label %61, label %75

12:
  %13 = icmp slt i64 %64, -1
  %14 = select i1 %13, i64 %3, i64 0
  %15 = getelementptr i8, ptr %67, i64 1
  %16 = getelementptr i8, ptr %15, i64 %14
  %17 = load i8, ptr %16, align 1
  %18 = zext i8 %17 to i64
  %19 = shl nuw nsw i64 %18, 8
  %20 = or disjoint i64 %19, %70
  br label %21

21:
  %22 = phi i64 [ %20, %12 ], [ %70, %61 ]
  %23 = icmp sgt i64 %4, 2
  br i1 %23, label %24, label %33

24:
  %25 = icmp slt i64 %64, -2
  %26 = select i1 %25, i64 %3, i64 0
  %27 = getelementptr i8, ptr %67, i64 2
  %28 = getelementptr i8, ptr %27, i64 %26
  %29 = load i8, ptr %28, align 1
  %30 = zext i8 %29 to i64
  %31 = shl nuw nsw i64 %30, 16
  %32 = or i64 %22, %31
  br label %33

33:
  %34 = phi i64 [ %32, %24 ], [ %22, %21 ]
  %35 = icmp sgt i64 %4, 3
  br i1 %35, label %36, label %72

36:
  %37 = icmp slt i64 %64, -3
  %38 = select i1 %37, i64 %3, i64 0
  %39 = getelementptr i8, ptr %67, i64 3
  %40 = getelementptr i8, ptr %39, i64 %38
  %41 = load i8, ptr %40, align 1
  %42 = zext i8 %41 to i64
  %43 = shl nuw nsw i64 %42, 24
  %44 = or i64 %34, %43
  br label %72

45:
  %46 = icmp ne i64 %1, -9223372036854775808
  %47 = icmp ne i64 %4, -1
  %48 = or i1 %46, %47
  br i1 %48, label %51, label %49

49:
  %50 = phi i64 [ 0, %5 ], [ %60, %51 ], [ 0, %45 ]
  br label %7

51:
  %52 = sdiv i64 %1, %4
  %53 = srem i64 %1, %4
  %54 = xor i64 %4, %53
  %55 = icmp slt i64 %54, 0
  %56 = icmp ne i64 %53, 0
  %57 = and i1 %56, %55
  %58 = sext i1 %57 to i64
  %59 = add i64 %52, %58
  %60 = call i64 @llvm.smax.i64(i64 %59, i64 0)
  br label %49

61:
  %62 = add nsw i64 %9, -1
  %63 = add i64 %8, 1
  %64 = mul nsw i64 %8, %4
  %65 = icmp slt i64 %64, 0
  %66 = select i1 %65, i64 %3, i64 0
  %67 = getelementptr i8, ptr %2, i64 %64
  %68 = getelementptr i8, ptr %67, i64 %66
  %69 = load i8, ptr %68, align 1
  %70 = zext i8 %69 to i64
  %71 = icmp sgt i64 %4, 1
  br i1 %71, label %12, label %21

72:
  %73 = phi i64 [ %44, %36 ], [ %34, %33 ]
  %74 = or i64 %10, %73
  br label %7

75:
  store i64 %10, ptr %0, align 8
  ret void
}

define internal void @13(ptr noalias nonnull %0, ptr %1, i64 %2, i64 %3, i32 %4, i64 %5, ptr %6, i64 %7) {
  %9 = call i64 @llvm.smax.i64(i64 %5, i64 0)
  br label %10

10:
  %11 = phi i64 [ 0, %8 ], [ %50, %64 ]
  %12 = phi i64 [ %9, %8 ], [ %49, %64 ]
  %13 = icmp sgt i64 %12, 0
  br i1 %13, label %48, label %47

14:
  %15 = icmp slt i64 %56, -1
  %16 = select i1 %15, i64 %2, i64 0
  %17 = getelementptr i8, ptr %59, i64 1
  %18 = getelementptr i8, ptr %17, i64 %16
  %19 = load i8, ptr %18, align 1
  %20 = zext i8 %19 to i32
  %21 = shl nuw nsw i32 %20, 8
  %22 = or disjoint i32 %21, %62
  br label %23

23:
  %24 = phi i32 [ %22, %14 ], [ %62, %48 ]
  %25 = icmp sgt i64 %3, 2
  br i1 %25, label %26, label %35

26:
  %27 = icmp slt i64 %56, -2
  %28 = select i1 %27, i64 %2, i64 0
  %29 = getelementptr i8, ptr %59, i64 2
  %30 = getelementptr i8, ptr %29, i64 %28
  %31 = load i8, ptr %30, align 1
  %32 = zext i8 %31 to i32
  %33 = shl nuw nsw i32 %32, 16
  %34 = or i32 %24, %33
  br label %35

35:
  %36 = phi i32 [ %34, %26 ], [ %24, %23 ]
  %37 = icmp sgt i64 %3, 3
  br i1 %37, label %38, label %64

38:
  %39 = icmp slt i64 %56, -3
  %40 = select i1 %39, i64 %2, i64 0
  %41 = getelementptr i8, ptr %59, i64 3
  %42 = getelementptr i8, ptr %41, i64 %40
  %43 = load i8, ptr %42, align 1
  %44 = zext i8 %43 to i32
  %45 = shl nuw i32 %44, 24
  %46 = or i32 %36, %45
  br label %64

47:
  store ptr null, ptr %0, align 8
  ret void

48:
  %49 = add nsw i64 %12, -1
  %50 = add i64 %11, 1
  %51 = icmp slt i64 %11, 0
  %52 = select i1 %51, i64 %7, i64 0
  %53 = getelementptr i32, ptr %6, i64 %11
  %54 = getelementptr i32, ptr %53, i64 %52
  %55 = load i32, ptr %54, align 4
  %56 = mul nsw i64 %11, %3
  %57 = icmp slt i64 %56, 0
  %58 = select i1 %57, i64 %2, i64 0
  %59 = getelementptr i8, ptr %1, i64 %56
  %60 = getelementptr i8, ptr %59, i64 %58
  %61 = load i8, ptr %60, align 1
  %62 = zext i8 %61 to i32
  %63 = icmp sgt i64 %3, 1
  br i1 %63, label %14, label %23

64:
  %65 = phi i32 [ %46, %38 ], [ %36, %35 ]
  %66 = add i32 %65, %55
  %67 = and i32 %66, %4
  store i32 %67, ptr %54, align 4
  br label %10
}

define internal void @14(ptr noalias nonnull %0, ptr %1, i64 %2, i64 %3, ptr %4, i64 %5, i64 %6) {
  %8 = call i64 @llvm.smax.i64(i64 %2, i64 0)
  br label %9

9:
  %10 = phi i64 [ 0, %7 ], [ %106, %13 ]
  %11 = phi i64 [ %8, %7 ], [ %105, %13 ]
  %12 = icmp sgt i64 %11, 0
  br i1 %12, label %104, label %103

13:
  %14 = phi i64 [ 0, %30 ], [ %54, %21 ]
  %15 = phi i1 [ false, %30 ], [ %55, %21 ]
  %16 = phi i64 [ 0, %30 ], [ %75, %21 ]
  %17 = phi i1 [ false, %30 ], [ %76, %21 ]
  %18 = phi i64 [ 0, %30 ], [ %37, %21 ]
  %19 = phi i64 [ 15, %30 ], [ %36, %21 ]
  %20 = icmp sgt i64 %19, 0
  br i1 %20, label %35, label %9

21:
  %22 = phi i64 [ 0, %61 ], [ %84, %82 ]
  %23 = phi i64 [ %66, %61 ], [ %83, %82 ]
  %24 = icmp sgt i64 %23, 0
  br i1 %24, label %82, label %13

25:
  br label %26

26:
  %27 = phi i64 [ 0, %25 ], [ %120, %104 ]
  %28 = icmp slt i64 %120, %3
  br i1 %28, label %30, label %29

29:
  br label %30

30:
  %31 = phi i64 [ %3, %29 ], [ %27, %26 ]
  %32 = sub i64 %3, %31
  %33 = call i64 @llvm.smax.i64(i64 %32, i64 0)
  %34 = getelementptr i32, ptr %111, i64 %31
  br label %13

35:
  %36 = add nsw i64 %19, -1
  %37 = add i64 %18, 1
  %38 = shl i64 %18, 1
  %39 = mul nsw i64 %37, %116
  br i1 %15, label %45, label %46

40:
  %41 = phi i64 [ %58, %57 ], [ %3, %60 ]
  %42 = sub i64 %41, %51
  %43 = call i64 @llvm.smax.i64(i64 %42, i64 0)
  %44 = getelementptr i32, ptr %111, i64 %51
  br i1 %17, label %67, label %68

45:
  br label %46

46:
  %47 = phi i64 [ 0, %45 ], [ %14, %35 ]
  %48 = icmp slt i64 %14, %3
  br i1 %48, label %50, label %49

49:
  br label %50

50:
  %51 = phi i64 [ %3, %49 ], [ %47, %46 ]
  %52 = icmp slt i64 %39, 0
  %53 = select i1 %52, i64 %3, i64 0
  %54 = add i64 %39, %53
  %55 = icmp slt i64 %54, 0
  br i1 %55, label %56, label %57

56:
  br label %57

57:
  %58 = phi i64 [ 0, %56 ], [ %54, %50 ]
  %59 = icmp slt i64 %54, %3
  br i1 %59, label %40, label %60

60:
  br label %40

61:
  %62 = phi i64 [ %79, %78 ], [ %6, %81 ]
  %63 = sub i64 %62, %73
  %64 = call i64 @llvm.smax.i64(i64 %63, i64 0)
  %65 = getelementptr i32, ptr %115, i64 %73
  %66 = call i64 @llvm.smax.i64(i64 %116, i64 0)
  br label %21

67:
  br label %68

68:
  %69 = phi i64 [ 0, %67 ], [ %16, %40 ]
  %70 = icmp slt i64 %16, %6
  br i1 %70, label %72, label %71

71:
  br label %72

72:
  %73 = phi i64 [ %6, %71 ], [ %69, %68 ]
  %74 = select i1 %52, i64 %6, i64 0
  %75 = add i64 %39, %74
  %76 = icmp slt i64 %75, 0
  br i1 %76, label %77, label %78

77:
  br label %78

78:
  %79 = phi i64 [ 0, %77 ], [ %75, %72 ]
  %80 = icmp slt i64 %75, %6
  br i1 %80, label %61, label %81

81:
  br label %61

82:
  %83 = add nsw i64 %23, -1
  %84 = add i64 %22, 1
  %85 = icmp slt i64 %22, 0
  %86 = select i1 %85, i64 %43, i64 0
  %87 = getelementptr i32, ptr %44, i64 %22
  %88 = getelementptr i32, ptr %87, i64 %86
  %89 = load i32, ptr %88, align 4
  %90 = select i1 %85, i64 %33, i64 0
  %91 = getelementptr i32, ptr %34, i64 %22
  %92 = getelementptr i32, ptr %91, i64 %90
  %93 = load i32, ptr %92, align 4
  %94 = and i64 %38, 4294967294
  %95 = zext i32 %93 to i64
  %96 = lshr i64 %95, %94
  %97 = trunc nuw i64 %96 to i32
  %98 = shl i32 %97, 30
  %99 = or i32 %89, %98
  %100 = select i1 %85, i64 %64, i64 0
  %101 = getelementptr i32, ptr %65, i64 %22
  %102 = getelementptr i32, ptr %101, i64 %100
  store i32 %99, ptr %102, align 4
  br label %21

103:
  store ptr null, ptr %0, align 8
  ret void

104:
  %105 = add nsw i64 %11, -1
  %106 = add i64 %10, 1
  %107 = icmp slt i64 %10, 0
  %108 = select i1 %107, i64 %2, i64 0
  %109 = add i64 %10, %108
  %110 = mul i64 %109, %3
  %111 = getelementptr i32, ptr %1, i64 %110
  %112 = select i1 %107, i64 %5, i64 0
  %113 = add i64 %10, %112
  %114 = mul i64 %113, %6
  %115 = getelementptr i32, ptr %4, i64 %114
  %116 = ashr i64 %3, 4
  %117 = mul nsw i64 %116, 15
  %118 = icmp slt i64 %116, 0
  %119 = select i1 %118, i64 %3, i64 0
  %120 = add i64 %117, %119
  %121 = icmp slt i64 %120, 0
  br i1 %121, label %25, label %26
}

define internal void @15(ptr noalias nonnull %0, ptr %1, i64 %2, i64 %3, i64 %4, ptr %5, i64 %6, ptr %7, i64 %8, i64 %9) {
  %11 = call i64 @llvm.smax.i64(i64 %2, i64 0)
  br label %12

12:
  %13 = phi i64 [ 0, %10 ], [ %18, %165 ]
  %14 = phi i64 [ %11, %10 ], [ %20, %165 ]
  %15 = phi i64 [ 0, %10 ], [ %166, %165 ]
  %16 = icmp sgt i64 %14, 0
  %17 = zext i1 %16 to i64
  %18 = add i64 %13, %17
  %19 = sext i1 %16 to i64
  %20 = add nsw i64 %14, %19
  %21 = select i1 %16, i64 %13, i64 0
  br i1 %16, label %22, label %141

22:
  %23 = icmp slt i64 %21, 0
  %24 = select i1 %23, i64 %2, i64 0
  %25 = add i64 %21, %24
  %26 = mul i64 %25, %3
  %27 = getelementptr i32, ptr %1, i64 %26
  %28 = select i1 %23, i64 %8, i64 0
  %29 = add i64 %21, %28
  %30 = mul i64 %29, %9
  %31 = getelementptr i32, ptr %7, i64 %30
  %32 = ashr i64 %9, 4
  %33 = mul nsw i64 %32, 15
  %34 = icmp slt i64 %32, 0
  %35 = select i1 %34, i64 %9, i64 0
  %36 = add i64 %33, %35
  %37 = icmp slt i64 %36, 0
  br i1 %37, label %50, label %51

38:
  %39 = phi i64 [ 0, %64 ], [ %89, %46 ]
  %40 = phi i1 [ false, %64 ], [ %90, %46 ]
  %41 = phi i64 [ 0, %64 ], [ %110, %46 ]
  %42 = phi i1 [ false, %64 ], [ %111, %46 ]
  %43 = phi i64 [ 0, %64 ], [ %72, %46 ]
  %44 = phi i64 [ 15, %64 ], [ %71, %46 ]
  %45 = icmp sgt i64 %44, 0
  br i1 %45, label %70, label %139

46:
  %47 = phi i64 [ 0, %96 ], [ %119, %117 ]
  %48 = phi i64 [ %101, %96 ], [ %118, %117 ]
  %49 = icmp sgt i64 %48, 0
  br i1 %49, label %117, label %38

50:
  br label %51

51:
  %52 = phi i64 [ 0, %50 ], [ %36, %22 ]
  %53 = icmp slt i64 %36, %9
  br i1 %53, label %55, label %54

54:
  br label %55

55:
  %56 = phi i64 [ %9, %54 ], [ %52, %51 ]
  %57 = sub i64 %9, %56
  %58 = icmp slt i64 %57, 1
  %59 = select i1 %58, i64 0, i64 %57
  %60 = getelementptr i32, ptr %31, i64 %56
  br i1 %58, label %61, label %62

61:
  br label %62

62:
  %63 = phi i64 [ %59, %61 ], [ 0, %55 ]
  br label %64

64:
  %65 = phi i64 [ %63, %62 ], [ %69, %67 ]
  %66 = icmp slt i64 %65, %59
  br i1 %66, label %67, label %38

67:
  %68 = getelementptr i32, ptr %60, i64 %65
  store i32 0, ptr %68, align 4
  %69 = add nsw i64 %65, 1
  br label %64

70:
  %71 = add nsw i64 %44, -1
  %72 = add i64 %43, 1
  %73 = shl i64 %43, 1
  %74 = mul nsw i64 %72, %32
  br i1 %40, label %80, label %81

75:
  %76 = phi i64 [ %93, %92 ], [ %3, %95 ]
  %77 = sub i64 %76, %86
  %78 = call i64 @llvm.smax.i64(i64 %77, i64 0)
  %79 = getelementptr i32, ptr %27, i64 %86
  br i1 %42, label %102, label %103

80:
  br label %81

81:
  %82 = phi i64 [ 0, %80 ], [ %39, %70 ]
  %83 = icmp slt i64 %39, %3
  br i1 %83, label %85, label %84

84:
  br label %85

85:
  %86 = phi i64 [ %3, %84 ], [ %82, %81 ]
  %87 = icmp slt i64 %74, 0
  %88 = select i1 %87, i64 %3, i64 0
  %89 = add i64 %74, %88
  %90 = icmp slt i64 %89, 0
  br i1 %90, label %91, label %92

91:
  br label %92

92:
  %93 = phi i64 [ 0, %91 ], [ %89, %85 ]
  %94 = icmp slt i64 %89, %3
  br i1 %94, label %75, label %95

95:
  br label %75

96:
  %97 = phi i64 [ %114, %113 ], [ %9, %116 ]
  %98 = sub i64 %97, %108
  %99 = call i64 @llvm.smax.i64(i64 %98, i64 0)
  %100 = getelementptr i32, ptr %31, i64 %108
  %101 = call i64 @llvm.smax.i64(i64 %32, i64 0)
  br label %46

102:
  br label %103

103:
  %104 = phi i64 [ 0, %102 ], [ %41, %75 ]
  %105 = icmp slt i64 %41, %9
  br i1 %105, label %107, label %106

106:
  br label %107

107:
  %108 = phi i64 [ %9, %106 ], [ %104, %103 ]
  %109 = select i1 %87, i64 %9, i64 0
  %110 = add i64 %74, %109
  %111 = icmp slt i64 %110, 0
  br i1 %111, label %112, label %113

112:
  br label %113

113:
  %114 = phi i64 [ 0, %112 ], [ %110, %107 ]
  %115 = icmp slt i64 %110, %9
  br i1 %115, label %96, label %116

116:
  br label %96

117:
  %118 = add nsw i64 %48, -1
  %119 = add i64 %47, 1
  %120 = icmp slt i64 %47, 0
  %121 = select i1 %120, i64 %78, i64 0
  %122 = getelementptr i32, ptr %79, i64 %47
  %123 = getelementptr i32, ptr %122, i64 %121
  %124 = load i32, ptr %123, align 4
  %125 = and i32 %124, 1073741823
  %126 = select i1 %120, i64 %99, i64 0
  %127 = getelementptr i32, ptr %100, i64 %47
  %128 = getelementptr i32, ptr %127, i64 %126
  store i32 %125, ptr %128, align 4
  %129 = select i1 %120, i64 %59, i64 0
  %130 = getelementptr i32, ptr %60, i64 %47
  %131 = getelementptr i32, ptr %130, i64 %129
  %132 = load i32, ptr %131, align 4
  %133 = lshr i32 %124, 30
  %134 = zext nneg i32 %133 to i64
  %135 = and i64 %73, 4294967294
  %136 = shl i64 %134, %135
  %137 = trunc i64 %136 to i32
  %138 = or i32 %132, %137
  store i32 %138, ptr %131, align 4
  br label %46

139:
  %140 = icmp eq i64 %4, 0
  br i1 %140, label %146, label %142

141:
  store i64 %15, ptr %0, align 8
  ret void

142:
  %143 = icmp ne i64 %21, -9223372036854775808
  %144 = icmp ne i64 %4, -1
  %145 = or i1 %143, %144
  br i1 %145, label %167, label %146

146:
  %147 = phi i64 [ 0, %139 ], [ %174, %167 ], [ 0, %142 ]
  %148 = icmp slt i64 %147, 0
  %149 = select i1 %148, i64 %6, i64 0
  %150 = getelementptr i32, ptr %5, i64 %147
  %151 = getelementptr i32, ptr %150, i64 %149
  %152 = load i32, ptr %151, align 4
  br label %153

153:
  %154 = phi i64 [ 0, %146 ], [ %161, %157 ]
  %155 = phi i64 [ 0, %146 ], [ %164, %157 ]
  %156 = icmp slt i64 %154, %9
  br i1 %156, label %157, label %165

157:
  %158 = shl i64 %154, 2
  %159 = getelementptr i8, ptr %31, i64 %158
  %160 = load i32, ptr %159, align 4
  %161 = add nuw nsw i64 %154, 1
  %162 = icmp uge i32 %160, %152
  %163 = zext i1 %162 to i64
  %164 = add nuw nsw i64 %155, %163
  br label %153

165:
  %166 = add nuw nsw i64 %15, %155
  br label %12

167:
  %168 = srem i64 %21, %4
  %169 = xor i64 %4, %168
  %170 = icmp slt i64 %169, 0
  %171 = icmp ne i64 %168, 0
  %172 = and i1 %171, %170
  %173 = select i1 %172, i64 %4, i64 0
  %174 = add nsw i64 %168, %173
  br label %146
}

define internal void @16(ptr noalias nonnull %0, ptr %1, i64 %2, i64 %3, i64 %4, ptr %5, i64 %6, i64 %7, ptr %8, i64 %9) {
  %11 = call i64 @llvm.smax.i64(i64 %2, i64 0)
  br label %12

12:
  %13 = phi i64 [ 0, %10 ], [ %18, %161 ]
  %14 = phi i64 [ %11, %10 ], [ %20, %161 ]
  %15 = phi i64 [ 0, %10 ], [ %162, %161 ]
  %16 = icmp sgt i64 %14, 0
  %17 = zext i1 %16 to i64
  %18 = add i64 %13, %17
  %19 = sext i1 %16 to i64
  %20 = add nsw i64 %14, %19
  %21 = select i1 %16, i64 %13, i64 0
  br i1 %16, label %22, label %137

22:
  %23 = icmp slt i64 %21, 0
  %24 = select i1 %23, i64 %2, i64 0
  %25 = add i64 %21, %24
  %26 = mul i64 %25, %3
  %27 = getelementptr i32, ptr %1, i64 %26
  %28 = ashr i64 %7, 4
  %29 = mul nsw i64 %28, 15
  %30 = icmp slt i64 %28, 0
  %31 = select i1 %30, i64 %9, i64 0
  %32 = add i64 %29, %31
  %33 = icmp slt i64 %32, 0
  br i1 %33, label %46, label %47

34:
  %35 = phi i64 [ 0, %60 ], [ %85, %42 ]
  %36 = phi i1 [ false, %60 ], [ %86, %42 ]
  %37 = phi i64 [ 0, %60 ], [ %106, %42 ]
  %38 = phi i1 [ false, %60 ], [ %107, %42 ]
  %39 = phi i64 [ 0, %60 ], [ %68, %42 ]
  %40 = phi i64 [ 15, %60 ], [ %67, %42 ]
  %41 = icmp sgt i64 %40, 0
  br i1 %41, label %66, label %135

42:
  %43 = phi i64 [ 0, %92 ], [ %115, %113 ]
  %44 = phi i64 [ %97, %92 ], [ %114, %113 ]
  %45 = icmp sgt i64 %44, 0
  br i1 %45, label %113, label %34

46:
  br label %47

47:
  %48 = phi i64 [ 0, %46 ], [ %32, %22 ]
  %49 = icmp slt i64 %32, %9
  br i1 %49, label %51, label %50

50:
  br label %51

51:
  %52 = phi i64 [ %9, %50 ], [ %48, %47 ]
  %53 = sub i64 %9, %52
  %54 = icmp slt i64 %53, 1
  %55 = select i1 %54, i64 0, i64 %53
  %56 = getelementptr i32, ptr %8, i64 %52
  br i1 %54, label %57, label %58

57:
  br label %58

58:
  %59 = phi i64 [ %55, %57 ], [ 0, %51 ]
  br label %60

60:
  %61 = phi i64 [ %59, %58 ], [ %65, %63 ]
  %62 = icmp slt i64 %61, %55
  br i1 %62, label %63, label %34

63:
  %64 = getelementptr i32, ptr %56, i64 %61
  store i32 0, ptr %64, align 4
  %65 = add nsw i64 %61, 1
  br label %60

66:
  %67 = add nsw i64 %40, -1
  %68 = add i64 %39, 1
  %69 = shl i64 %39, 1
  %70 = mul nsw i64 %68, %28
  br i1 %36, label %76, label %77

71:
  %72 = phi i64 [ %89, %88 ], [ %3, %91 ]
  %73 = sub i64 %72, %82
  %74 = call i64 @llvm.smax.i64(i64 %73, i64 0)
  %75 = getelementptr i32, ptr %27, i64 %82
  br i1 %38, label %98, label %99

76:
  br label %77

77:
  %78 = phi i64 [ 0, %76 ], [ %35, %66 ]
  %79 = icmp slt i64 %35, %3
  br i1 %79, label %81, label %80

80:
  br label %81

81:
  %82 = phi i64 [ %3, %80 ], [ %78, %77 ]
  %83 = icmp slt i64 %70, 0
  %84 = select i1 %83, i64 %3, i64 0
  %85 = add i64 %70, %84
  %86 = icmp slt i64 %85, 0
  br i1 %86, label %87, label %88

87:
  br label %88

88:
  %89 = phi i64 [ 0, %87 ], [ %85, %81 ]
  %90 = icmp slt i64 %85, %3
  br i1 %90, label %71, label %91

91:
  br label %71

92:
  %93 = phi i64 [ %110, %109 ], [ %9, %112 ]
  %94 = sub i64 %93, %104
  %95 = call i64 @llvm.smax.i64(i64 %94, i64 0)
  %96 = getelementptr i32, ptr %8, i64 %104
  %97 = call i64 @llvm.smax.i64(i64 %28, i64 0)
  br label %42

98:
  br label %99

99:
  %100 = phi i64 [ 0, %98 ], [ %37, %71 ]
  %101 = icmp slt i64 %37, %9
  br i1 %101, label %103, label %102

102:
  br label %103

103:
  %104 = phi i64 [ %9, %102 ], [ %100, %99 ]
  %105 = select i1 %83, i64 %9, i64 0
  %106 = add i64 %70, %105
  %107 = icmp slt i64 %106, 0
  br i1 %107, label %108, label %109

108:
  br label %109

109:
  %110 = phi i64 [ 0, %108 ], [ %106, %103 ]
  %111 = icmp slt i64 %106, %9
  br i1 %111, label %92, label %112

112:
  br label %92

113:
  %114 = add nsw i64 %44, -1
  %115 = add i64 %43, 1
  %116 = icmp slt i64 %43, 0
  %117 = select i1 %116, i64 %74, i64 0
  %118 = getelementptr i32, ptr %75, i64 %43
  %119 = getelementptr i32, ptr %118, i64 %117
  %120 = load i32, ptr %119, align 4
  %121 = and i32 %120, 1073741823
  %122 = select i1 %116, i64 %95, i64 0
  %123 = getelementptr i32, ptr %96, i64 %43
  %124 = getelementptr i32, ptr %123, i64 %122
  store i32 %121, ptr %124, align 4
  %125 = select i1 %116, i64 %55, i64 0
  %126 = getelementptr i32, ptr %56, i64 %43
  %127 = getelementptr i32, ptr %126, i64 %125
  %128 = load i32, ptr %127, align 4
  %129 = lshr i32 %120, 30
  %130 = zext nneg i32 %129 to i64
  %131 = and i64 %69, 4294967294
  %132 = shl i64 %130, %131
  %133 = trunc i64 %132 to i32
  %134 = or i32 %128, %133
  store i32 %134, ptr %127, align 4
  br label %42

135:
  %136 = icmp eq i64 %4, 0
  br i1 %136, label %142, label %138

137:
  store i64 %15, ptr %0, align 8
  ret void

138:
  %139 = icmp ne i64 %21, -9223372036854775808
  %140 = icmp ne i64 %4, -1
  %141 = or i1 %139, %140
  br i1 %141, label %163, label %142

142:
  %143 = phi i64 [ 0, %135 ], [ %170, %163 ], [ 0, %138 ]
  %144 = icmp slt i64 %143, 0
  %145 = select i1 %144, i64 %6, i64 0
  %146 = getelementptr i32, ptr %5, i64 %143
  %147 = getelementptr i32, ptr %146, i64 %145
  %148 = load i32, ptr %147, align 4
  br label %149

149:
  %150 = phi i64 [ 0, %142 ], [ %157, %153 ]
  %151 = phi i64 [ 0, %142 ], [ %160, %153 ]
  %152 = icmp slt i64 %150, %9
  br i1 %152, label %153, label %161

153:
  %154 = shl i64 %150, 2
  %155 = getelementptr i8, ptr %8, i64 %154
  %156 = load i32, ptr %155, align 4
  %157 = add nuw nsw i64 %150, 1
  %158 = icmp uge i32 %156, %148
  %159 = zext i1 %158 to i64
  %160 = add nuw nsw i64 %151, %159
  br label %149

161:
  %162 = add nuw nsw i64 %15, %151
  br label %12

163:
  %164 = srem i64 %21, %4
  %165 = xor i64 %4, %164
  %166 = icmp slt i64 %165, 0
  %167 = icmp ne i64 %164, 0
  %168 = and i1 %167, %166
  %169 = select i1 %168, i64 %4, i64 0
  %170 = add nsw i64 %164, %169
  br label %142
}

define internal void @17(ptr noalias nonnull %0, ptr %1, i64 %2, i64 %3, i64 %4, ptr %5, i64 %6, i64 %7, ptr %8, i64 %9, ptr %10, i64 %11, i64 %12) {
  %14 = call i64 @llvm.smax.i64(i64 %2, i64 0)
  br label %15

15:
  %16 = phi i64 [ 0, %13 ], [ %20, %147 ]
  %17 = phi i64 [ %14, %13 ], [ %22, %147 ]
  %18 = icmp sgt i64 %17, 0
  %19 = zext i1 %18 to i64
  %20 = add i64 %16, %19
  %21 = sext i1 %18 to i64
  %22 = add nsw i64 %17, %21
  %23 = select i1 %18, i64 %16, i64 0
  br i1 %18, label %24, label %139

24:
  %25 = icmp slt i64 %23, 0
  %26 = select i1 %25, i64 %2, i64 0
  %27 = add i64 %23, %26
  %28 = mul i64 %27, %3
  %29 = getelementptr i32, ptr %1, i64 %28
  %30 = ashr i64 %7, 4
  %31 = mul nsw i64 %30, 15
  %32 = icmp slt i64 %30, 0
  %33 = select i1 %32, i64 %9, i64 0
  %34 = add i64 %31, %33
  %35 = icmp slt i64 %34, 0
  br i1 %35, label %48, label %49

36:
  %37 = phi i64 [ 0, %62 ], [ %87, %44 ]
  %38 = phi i1 [ false, %62 ], [ %88, %44 ]
  %39 = phi i64 [ 0, %62 ], [ %108, %44 ]
  %40 = phi i1 [ false, %62 ], [ %109, %44 ]
  %41 = phi i64 [ 0, %62 ], [ %70, %44 ]
  %42 = phi i64 [ 15, %62 ], [ %69, %44 ]
  %43 = icmp sgt i64 %42, 0
  br i1 %43, label %68, label %137

44:
  %45 = phi i64 [ 0, %94 ], [ %117, %115 ]
  %46 = phi i64 [ %99, %94 ], [ %116, %115 ]
  %47 = icmp sgt i64 %46, 0
  br i1 %47, label %115, label %36

48:
  br label %49

49:
  %50 = phi i64 [ 0, %48 ], [ %34, %24 ]
  %51 = icmp slt i64 %34, %9
  br i1 %51, label %53, label %52

52:
  br label %53

53:
  %54 = phi i64 [ %9, %52 ], [ %50, %49 ]
  %55 = sub i64 %9, %54
  %56 = icmp slt i64 %55, 1
  %57 = select i1 %56, i64 0, i64 %55
  %58 = getelementptr i32, ptr %8, i64 %54
  br i1 %56, label %59, label %60

59:
  br label %60

60:
  %61 = phi i64 [ %57, %59 ], [ 0, %53 ]
  br label %62

62:
  %63 = phi i64 [ %61, %60 ], [ %67, %65 ]
  %64 = icmp slt i64 %63, %57
  br i1 %64, label %65, label %36

65:
  %66 = getelementptr i32, ptr %58, i64 %63
  store i32 0, ptr %66, align 4
  %67 = add nsw i64 %63, 1
  br label %62

68:
  %69 = add nsw i64 %42, -1
  %70 = add i64 %41, 1
  %71 = shl i64 %41, 1
  %72 = mul nsw i64 %70, %30
  br i1 %38, label %78, label %79

73:
  %74 = phi i64 [ %91, %90 ], [ %3, %93 ]
  %75 = sub i64 %74, %84
  %76 = call i64 @llvm.smax.i64(i64 %75, i64 0)
  %77 = getelementptr i32, ptr %29, i64 %84
  br i1 %40, label %100, label %101

78:
  br label %79

79:
  %80 = phi i64 [ 0, %78 ], [ %37, %68 ]
  %81 = icmp slt i64 %37, %3
  br i1 %81, label %83, label %82

82:
  br label %83

83:
  %84 = phi i64 [ %3, %82 ], [ %80, %79 ]
  %85 = icmp slt i64 %72, 0
  %86 = select i1 %85, i64 %3, i64 0
  %87 = add i64 %72, %86
  %88 = icmp slt i64 %87, 0
  br i1 %88, label %89, label %90

89:
  br label %90

90:
  %91 = phi i64 [ 0, %89 ], [ %87, %83 ]
  %92 = icmp slt i64 %87, %3
  br i1 %92, label %73, label %93

93:
  br label %73

94:
  %95 = phi i64 [ %112, %111 ], [ %9, %114 ]
  %96 = sub i64 %95, %106
  %97 = call i64 @llvm.smax.i64(i64 %96, i64 0)
  %98 = getelementptr i32, ptr %8, i64 %106
  %99 = call i64 @llvm.smax.i64(i64 %30, i64 0)
  br label %44

100:
  br label %101

101:
  %102 = phi i64 [ 0, %100 ], [ %39, %73 ]
  %103 = icmp slt i64 %39, %9
  br i1 %103, label %105, label %104

104:
  br label %105

105:
  %106 = phi i64 [ %9, %104 ], [ %102, %101 ]
  %107 = select i1 %85, i64 %9, i64 0
  %108 = add i64 %72, %107
  %109 = icmp slt i64 %108, 0
  br i1 %109, label %110, label %111

110:
  br label %111

111:
  %112 = phi i64 [ 0, %110 ], [ %108, %105 ]
  %113 = icmp slt i64 %108, %9
  br i1 %113, label %94, label %114

114:
  br label %94

115:
  %116 = add nsw i64 %46, -1
  %117 = add i64 %45, 1
  %118 = icmp slt i64 %45, 0
  %119 = select i1 %118, i64 %76, i64 0
  %120 = getelementptr i32, ptr %77, i64 %45
  %121 = getelementptr i32, ptr %120, i64 %119
  %122 = load i32, ptr %121, align 4
  %123 = and i32 %122, 1073741823
  %124 = select i1 %118, i64 %97, i64 0
  %125 = getelementptr i32, ptr %98, i64 %45
  %126 = getelementptr i32, ptr %125, i64 %124
  store i32 %123, ptr %126, align 4
  %127 = select i1 %118, i64 %57, i64 0
  %128 = getelementptr i32, ptr %58, i64 %45
  %129 = getelementptr i32, ptr %128, i64 %127
  %130 = load i32, ptr %129, align 4
  %131 = lshr i32 %122, 30
  %132 = zext nneg i32 %131 to i64
  %133 = and i64 %71, 4294967294
  %134 = shl i64 %132, %133
  %135 = trunc i64 %134 to i32
  %136 = or i32 %130, %135
  store i32 %136, ptr %129, align 4
  br label %44

137:
  %138 = icmp eq i64 %4, 0
  br i1 %138, label %155, label %151

139:
  %140 = phi i64 [ %23, %174 ], [ %2, %15 ]
  store i64 %140, ptr %0, align 8
  ret void

141:
  %142 = select i1 %25, i64 %11, i64 0
  %143 = add i64 %23, %142
  %144 = mul i64 %143, %12
  %145 = getelementptr i32, ptr %10, i64 %144
  %146 = call i64 @llvm.smax.i64(i64 %12, i64 0)
  br label %147

147:
  %148 = phi i64 [ 0, %141 ], [ %186, %184 ]
  %149 = phi i64 [ %146, %141 ], [ %185, %184 ]
  %150 = icmp sgt i64 %149, 0
  br i1 %150, label %184, label %15

151:
  %152 = icmp ne i64 %23, -9223372036854775808
  %153 = icmp ne i64 %4, -1
  %154 = or i1 %152, %153
  br i1 %154, label %176, label %155

155:
  %156 = phi i64 [ 0, %137 ], [ %183, %176 ], [ 0, %151 ]
  %157 = icmp slt i64 %156, 0
  %158 = select i1 %157, i64 %6, i64 0
  %159 = getelementptr i32, ptr %5, i64 %156
  %160 = getelementptr i32, ptr %159, i64 %158
  %161 = load i32, ptr %160, align 4
  br label %162

162:
  %163 = phi i64 [ 0, %155 ], [ %170, %166 ]
  %164 = phi i64 [ 0, %155 ], [ %173, %166 ]
  %165 = icmp slt i64 %163, %9
  br i1 %165, label %166, label %174

166:
  %167 = shl i64 %163, 2
  %168 = getelementptr i8, ptr %8, i64 %167
  %169 = load i32, ptr %168, align 4
  %170 = add nuw nsw i64 %163, 1
  %171 = icmp uge i32 %169, %161
  %172 = zext i1 %171 to i64
  %173 = add nuw nsw i64 %164, %172
  br label %162

174:
  %175 = icmp eq i64 %164, 0
  br i1 %175, label %141, label %139

176:
  %177 = srem i64 %23, %4
  %178 = xor i64 %4, %177
  %179 = icmp slt i64 %178, 0
  %180 = icmp ne i64 %177, 0
  %181 = and i1 %180, %179
  %182 = select i1 %181, i64 %4, i64 0
  %183 = add nsw i64 %177, %182
  br label %155

184:
  %185 = add nsw i64 %149, -1
  %186 = add i64 %148, 1
  %187 = icmp slt i64 %148, 0
  %188 = select i1 %187, i64 %12, i64 0
  %189 = getelementptr i32, ptr %145, i64 %148
  %190 = getelementptr i32, ptr %189, i64 %188
  %191 = load i32, ptr %190, align 4
  %192 = select i1 %187, i64 %9, i64 0
  %193 = getelementptr i32, ptr %8, i64 %148
  %194 = getelementptr i32, ptr %193, i64 %192
  %195 = load i32, ptr %194, align 4
  %196 = add i32 %191, %195
  %197 = sub i32 %196, %161
  %198 = call i32 @llvm.umin.i32(i32 %197, i32 %196)
  store i32 %198, ptr %190, align 4
  br label %147
}

define internal void @18(ptr noalias nonnull %0, i64 %1, ptr %2, i64 %3, i32 %4, i32 %5, i64 %6, ptr %7, i64 %8, i64 %9) {
  %11 = add nsw i64 %1, 63
  %12 = ashr i64 %11, 6
  %13 = call i64 @llvm.smax.i64(i64 %12, i64 0)
  br label %14

14:
  %15 = phi i64 [ 0, %10 ], [ %60, %56 ]
  %16 = phi i64 [ %13, %10 ], [ %59, %56 ]
  %17 = phi i64 [ %9, %10 ], [ %57, %56 ]
  %18 = icmp sgt i64 %16, 0
  br i1 %18, label %58, label %129

19:
  %20 = shl i64 %15, 6
  %21 = add i64 %20, 64
  %22 = icmp slt i64 %15, 0
  %23 = select i1 %22, i64 %3, i64 0
  %24 = add i64 %20, %23
  %25 = icmp slt i64 %24, 0
  br i1 %25, label %72, label %73

26:
  %27 = phi i64 [ %112, %110 ], [ 0, %88 ]
  %28 = phi i64 [ %111, %110 ], [ %65, %88 ]
  %29 = phi i64 [ %124, %110 ], [ 0, %88 ]
  %30 = icmp sgt i64 %28, 0
  br i1 %30, label %110, label %31

31:
  %32 = icmp eq i64 %29, 0
  br i1 %32, label %56, label %33

33:
  br label %34

34:
  %35 = phi i64 [ 0, %33 ], [ %127, %54 ]
  %36 = phi i64 [ %65, %33 ], [ %126, %54 ]
  %37 = phi i64 [ %17, %33 ], [ %55, %54 ]
  %38 = icmp sgt i64 %36, 0
  br i1 %38, label %125, label %56

39:
  %40 = getelementptr i16, ptr %66, i64 %35
  %41 = icmp slt i64 %35, 0
  %42 = select i1 %41, i64 %65, i64 0
  %43 = getelementptr i16, ptr %40, i64 %42
  %44 = load i16, ptr %43, align 2
  %45 = zext i16 %44 to i32
  %46 = and i32 %4, %45
  %47 = icmp slt i64 %37, 0
  %48 = select i1 %47, i64 %8, i64 0
  %49 = getelementptr i32, ptr %7, i64 %37
  %50 = getelementptr i32, ptr %49, i64 %48
  store i32 %46, ptr %50, align 4
  %51 = icmp ult i32 %46, %5
  %52 = zext i1 %51 to i64
  %53 = add nsw i64 %37, %52
  br label %54

54:
  %55 = phi i64 [ %53, %39 ], [ %37, %125 ]
  br label %34

56:
  %57 = phi i64 [ %37, %34 ], [ %67, %31 ]
  br label %14

58:
  %59 = add nsw i64 %16, -1
  %60 = add i64 %15, 1
  %61 = icmp eq i64 %17, %6
  br i1 %61, label %129, label %19

62:
  %63 = phi i64 [ %85, %84 ], [ %3, %87 ]
  %64 = sub i64 %63, %78
  %65 = call i64 @llvm.smax.i64(i64 %64, i64 0)
  %66 = getelementptr i16, ptr %2, i64 %78
  %67 = add nsw i64 %17, %65
  %68 = icmp slt i64 %17, 0
  %69 = select i1 %68, i64 %8, i64 0
  %70 = add i64 %17, %69
  %71 = icmp slt i64 %70, 0
  br i1 %71, label %94, label %95

72:
  br label %73

73:
  %74 = phi i64 [ 0, %72 ], [ %24, %19 ]
  %75 = icmp slt i64 %24, %3
  br i1 %75, label %77, label %76

76:
  br label %77

77:
  %78 = phi i64 [ %3, %76 ], [ %74, %73 ]
  %79 = icmp slt i64 %21, 0
  %80 = select i1 %79, i64 %3, i64 0
  %81 = add i64 %21, %80
  %82 = icmp slt i64 %81, 0
  br i1 %82, label %83, label %84

83:
  br label %84

84:
  %85 = phi i64 [ 0, %83 ], [ %81, %77 ]
  %86 = icmp slt i64 %81, %3
  br i1 %86, label %62, label %87

87:
  br label %62

88:
  %89 = phi i64 [ %107, %106 ], [ %8, %109 ]
  %90 = sub i64 %89, %100
  %91 = call i64 @llvm.smax.i64(i64 %90, i64 0)
  %92 = getelementptr i32, ptr %7, i64 %100
  %93 = icmp eq i64 %91, %65
  br i1 %93, label %26, label %33

94:
  br label %95

95:
  %96 = phi i64 [ 0, %94 ], [ %70, %62 ]
  %97 = icmp slt i64 %70, %8
  br i1 %97, label %99, label %98

98:
  br label %99

99:
  %100 = phi i64 [ %8, %98 ], [ %96, %95 ]
  %101 = icmp slt i64 %67, 0
  %102 = select i1 %101, i64 %8, i64 0
  %103 = add i64 %67, %102
  %104 = icmp slt i64 %103, 0
  br i1 %104, label %105, label %106

105:
  br label %106

106:
  %107 = phi i64 [ 0, %105 ], [ %103, %99 ]
  %108 = icmp slt i64 %103, %8
  br i1 %108, label %88, label %109

109:
  br label %88

110:
  %111 = add nsw i64 %28, -1
  %112 = add i64 %27, 1
  %113 = icmp slt i64 %27, 0
  %114 = select i1 %113, i64 %65, i64 0
  %115 = getelementptr i16, ptr %66, i64 %27
  %116 = getelementptr i16, ptr %115, i64 %114
  %117 = load i16, ptr %116, align 2
  %118 = zext i16 %117 to i32
  %119 = and i32 %4, %118
  %120 = getelementptr i32, ptr %92, i64 %27
  %121 = getelementptr i32, ptr %120, i64 %114
  store i32 %119, ptr %121, align 4
  %122 = icmp uge i32 %119, %5
  %123 = zext i1 %122 to i64
  %124 = add i64 %29, %123
  br label %26

125:
  %126 = add nsw i64 %36, -1
  %127 = add i64 %35, 1
  %128 = icmp slt i64 %37, %6
  br i1 %128, label %39, label %54

129:
  store i64 %17, ptr %0, align 8
  ret void
}

define internal void @19(ptr noalias nonnull %0, i64 %1, ptr %2, i64 %3, i32 %4, i32 %5, i64 %6, ptr %7, i64 %8, i64 %9) {
  %11 = add nsw i64 %1, 63
  %12 = ashr i64 %11, 6
  %13 = call i64 @llvm.smax.i64(i64 %12, i64 0)
  br label %14

14:
  %15 = phi i64 [ 0, %10 ], [ %59, %55 ]
  %16 = phi i64 [ %13, %10 ], [ %58, %55 ]
  %17 = phi i64 [ %9, %10 ], [ %56, %55 ]
  %18 = icmp sgt i64 %16, 0
  br i1 %18, label %57, label %127

19:
  %20 = shl i64 %15, 6
  %21 = add i64 %20, 64
  %22 = icmp slt i64 %15, 0
  %23 = select i1 %22, i64 %3, i64 0
  %24 = add i64 %20, %23
  %25 = icmp slt i64 %24, 0
  br i1 %25, label %71, label %72

26:
  %27 = phi i64 [ %111, %109 ], [ 0, %87 ]
  %28 = phi i64 [ %110, %109 ], [ %64, %87 ]
  %29 = phi i64 [ %122, %109 ], [ 0, %87 ]
  %30 = icmp sgt i64 %28, 0
  br i1 %30, label %109, label %31

31:
  %32 = icmp eq i64 %29, 0
  br i1 %32, label %55, label %33

33:
  br label %34

34:
  %35 = phi i64 [ 0, %33 ], [ %125, %53 ]
  %36 = phi i64 [ %64, %33 ], [ %124, %53 ]
  %37 = phi i64 [ %17, %33 ], [ %54, %53 ]
  %38 = icmp sgt i64 %36, 0
  br i1 %38, label %123, label %55

39:
  %40 = getelementptr i32, ptr %65, i64 %35
  %41 = icmp slt i64 %35, 0
  %42 = select i1 %41, i64 %64, i64 0
  %43 = getelementptr i32, ptr %40, i64 %42
  %44 = load i32, ptr %43, align 4
  %45 = and i32 %44, %4
  %46 = icmp slt i64 %37, 0
  %47 = select i1 %46, i64 %8, i64 0
  %48 = getelementptr i32, ptr %7, i64 %37
  %49 = getelementptr i32, ptr %48, i64 %47
  store i32 %45, ptr %49, align 4
  %50 = icmp ult i32 %45, %5
  %51 = zext i1 %50 to i64
  %52 = add nsw i64 %37, %51
  br label %53

53:
  %54 = phi i64 [ %52, %39 ], [ %37, %123 ]
  br label %34

55:
  %56 = phi i64 [ %37, %34 ], [ %66, %31 ]
  br label %14

57:
  %58 = add nsw i64 %16, -1
  %59 = add i64 %15, 1
  %60 = icmp eq i64 %17, %6
  br i1 %60, label %127, label %19

61:
  %62 = phi i64 [ %84, %83 ], [ %3, %86 ]
  %63 = sub i64 %62, %77
  %64 = call i64 @llvm.smax.i64(i64 %63, i64 0)
  %65 = getelementptr i32, ptr %2, i64 %77
  %66 = add nsw i64 %17, %64
  %67 = icmp slt i64 %17, 0
  %68 = select i1 %67, i64 %8, i64 0
  %69 = add i64 %17, %68
  %70 = icmp slt i64 %69, 0
  br i1 %70, label %93, label %94

71:
  br label %72

72:
  %73 = phi i64 [ 0, %71 ], [ %24, %19 ]
  %74 = icmp slt i64 %24, %3
  br i1 %74, label %76, label %75

75:
  br label %76

76:
  %77 = phi i64 [ %3, %75 ], [ %73, %72 ]
  %78 = icmp slt i64 %21, 0
  %79 = select i1 %78, i64 %3, i64 0
  %80 = add i64 %21, %79
  %81 = icmp slt i64 %80, 0
  br i1 %81, label %82, label %83

82:
  br label %83

83:
  %84 = phi i64 [ 0, %82 ], [ %80, %76 ]
  %85 = icmp slt i64 %80, %3
  br i1 %85, label %61, label %86

86:
  br label %61

87:
  %88 = phi i64 [ %106, %105 ], [ %8, %108 ]
  %89 = sub i64 %88, %99
  %90 = call i64 @llvm.smax.i64(i64 %89, i64 0)
  %91 = getelementptr i32, ptr %7, i64 %99
  %92 = icmp eq i64 %90, %64
  br i1 %92, label %26, label %33

93:
  br label %94

94:
  %95 = phi i64 [ 0, %93 ], [ %69, %61 ]
  %96 = icmp slt i64 %69, %8
  br i1 %96, label %98, label %97

97:
  br label %98

98:
  %99 = phi i64 [ %8, %97 ], [ %95, %94 ]
  %100 = icmp slt i64 %66, 0
  %101 = select i1 %100, i64 %8, i64 0
  %102 = add i64 %66, %101
  %103 = icmp slt i64 %102, 0
  br i1 %103, label %104, label %105

104:
  br label %105

105:
  %106 = phi i64 [ 0, %104 ], [ %102, %98 ]
  %107 = icmp slt i64 %102, %8
  br i1 %107, label %87, label %108

108:
  br label %87

109:
  %110 = add nsw i64 %28, -1
  %111 = add i64 %27, 1
  %112 = icmp slt i64 %27, 0
  %113 = select i1 %112, i64 %64, i64 0
  %114 = getelementptr i32, ptr %65, i64 %27
  %115 = getelementptr i32, ptr %114, i64 %113
  %116 = load i32, ptr %115, align 4
  %117 = and i32 %116, %4
  %118 = getelementptr i32, ptr %91, i64 %27
  %119 = getelementptr i32, ptr %118, i64 %113
  store i32 %117, ptr %119, align 4
  %120 = icmp uge i32 %117, %5
  %121 = zext i1 %120 to i64
  %122 = add i64 %29, %121
  br label %26

123:
  %124 = add nsw i64 %36, -1
  %125 = add i64 %35, 1
  %126 = icmp slt i64 %37, %6
  br i1 %126, label %39, label %53

127:
  store i64 %17, ptr %0, align 8
  ret void
}

define internal void @20(ptr noalias nonnull %0, ptr %1, i64 %2, i64 %3, i64 %4, ptr %5, i64 %6, ptr %7, i64 %8, i64 %9) {
  %11 = call i64 @llvm.smax.i64(i64 %4, i64 0)
  br label %12

12:
  %13 = phi i64 [ 0, %10 ], [ %17, %151 ]
  %14 = phi i64 [ %11, %10 ], [ %19, %151 ]
  %15 = icmp sgt i64 %14, 0
  %16 = zext i1 %15 to i64
  %17 = add i64 %13, %16
  %18 = sext i1 %15 to i64
  %19 = add nsw i64 %14, %18
  %20 = select i1 %15, i64 %13, i64 0
  br i1 %15, label %21, label %153

21:
  %22 = icmp slt i64 %20, 0
  %23 = select i1 %22, i64 %2, i64 0
  %24 = add i64 %20, %23
  %25 = mul i64 %24, %3
  %26 = getelementptr i32, ptr %1, i64 %25
  %27 = select i1 %22, i64 %6, i64 0
  %28 = getelementptr i32, ptr %5, i64 %20
  %29 = getelementptr i32, ptr %28, i64 %27
  %30 = load i32, ptr %29, align 4
  %31 = select i1 %22, i64 %8, i64 0
  %32 = add i64 %20, %31
  %33 = mul i64 %32, %9
  %34 = getelementptr i32, ptr %7, i64 %33
  %35 = add nsw i64 %3, 63
  %36 = ashr i64 %35, 6
  %37 = call i64 @llvm.smax.i64(i64 %36, i64 0)
  br label %38

38:
  %39 = phi i64 [ 0, %21 ], [ %83, %79 ]
  %40 = phi i64 [ %37, %21 ], [ %82, %79 ]
  %41 = phi i64 [ 0, %21 ], [ %80, %79 ]
  %42 = icmp sgt i64 %40, 0
  br i1 %42, label %81, label %151

43:
  %44 = shl i64 %39, 6
  %45 = add i64 %44, 64
  %46 = icmp slt i64 %39, 0
  %47 = select i1 %46, i64 %3, i64 0
  %48 = add i64 %44, %47
  %49 = icmp slt i64 %48, 0
  br i1 %49, label %95, label %96

50:
  %51 = phi i64 [ %135, %133 ], [ 0, %111 ]
  %52 = phi i64 [ %134, %133 ], [ %88, %111 ]
  %53 = phi i64 [ %146, %133 ], [ 0, %111 ]
  %54 = icmp sgt i64 %52, 0
  br i1 %54, label %133, label %55

55:
  %56 = icmp eq i64 %53, 0
  br i1 %56, label %79, label %57

57:
  br label %58

58:
  %59 = phi i64 [ 0, %57 ], [ %149, %77 ]
  %60 = phi i64 [ %88, %57 ], [ %148, %77 ]
  %61 = phi i64 [ %41, %57 ], [ %78, %77 ]
  %62 = icmp sgt i64 %60, 0
  br i1 %62, label %147, label %79

63:
  %64 = getelementptr i32, ptr %89, i64 %59
  %65 = icmp slt i64 %59, 0
  %66 = select i1 %65, i64 %88, i64 0
  %67 = getelementptr i32, ptr %64, i64 %66
  %68 = load i32, ptr %67, align 4
  %69 = and i32 %68, 1073741823
  %70 = icmp slt i64 %61, 0
  %71 = select i1 %70, i64 %9, i64 0
  %72 = getelementptr i32, ptr %34, i64 %61
  %73 = getelementptr i32, ptr %72, i64 %71
  store i32 %69, ptr %73, align 4
  %74 = icmp ult i32 %69, %30
  %75 = zext i1 %74 to i64
  %76 = add nsw i64 %61, %75
  br label %77

77:
  %78 = phi i64 [ %76, %63 ], [ %61, %147 ]
  br label %58

79:
  %80 = phi i64 [ %61, %58 ], [ %90, %55 ]
  br label %38

81:
  %82 = add nsw i64 %40, -1
  %83 = add i64 %39, 1
  %84 = icmp eq i64 %41, %9
  br i1 %84, label %151, label %43

85:
  %86 = phi i64 [ %108, %107 ], [ %3, %110 ]
  %87 = sub i64 %86, %101
  %88 = call i64 @llvm.smax.i64(i64 %87, i64 0)
  %89 = getelementptr i32, ptr %26, i64 %101
  %90 = add nsw i64 %41, %88
  %91 = icmp slt i64 %41, 0
  %92 = select i1 %91, i64 %9, i64 0
  %93 = add i64 %41, %92
  %94 = icmp slt i64 %93, 0
  br i1 %94, label %117, label %118

95:
  br label %96

96:
  %97 = phi i64 [ 0, %95 ], [ %48, %43 ]
  %98 = icmp slt i64 %48, %3
  br i1 %98, label %100, label %99

99:
  br label %100

100:
  %101 = phi i64 [ %3, %99 ], [ %97, %96 ]
  %102 = icmp slt i64 %45, 0
  %103 = select i1 %102, i64 %3, i64 0
  %104 = add i64 %45, %103
  %105 = icmp slt i64 %104, 0
  br i1 %105, label %106, label %107

106:
  br label %107

107:
  %108 = phi i64 [ 0, %106 ], [ %104, %100 ]
  %109 = icmp slt i64 %104, %3
  br i1 %109, label %85, label %110

110:
  br label %85

111:
  %112 = phi i64 [ %130, %129 ], [ %9, %132 ]
  %113 = sub i64 %112, %123
  %114 = call i64 @llvm.smax.i64(i64 %113, i64 0)
  %115 = getelementptr i32, ptr %34, i64 %123
  %116 = icmp eq i64 %114, %88
  br i1 %116, label %50, label %57

117:
  br label %118

118:
  %119 = phi i64 [ 0, %117 ], [ %93, %85 ]
  %120 = icmp slt i64 %93, %9
  br i1 %120, label %122, label %121

121:
  br label %122

122:
  %123 = phi i64 [ %9, %121 ], [ %119, %118 ]
  %124 = icmp slt i64 %90, 0
  %125 = select i1 %124, i64 %9, i64 0
  %126 = add i64 %90, %125
  %127 = icmp slt i64 %126, 0
  br i1 %127, label %128, label %129

128:
  br label %129

129:
  %130 = phi i64 [ 0, %128 ], [ %126, %122 ]
  %131 = icmp slt i64 %126, %9
  br i1 %131, label %111, label %132

132:
  br label %111

133:
  %134 = add nsw i64 %52, -1
  %135 = add i64 %51, 1
  %136 = icmp slt i64 %51, 0
  %137 = select i1 %136, i64 %88, i64 0
  %138 = getelementptr i32, ptr %89, i64 %51
  %139 = getelementptr i32, ptr %138, i64 %137
  %140 = load i32, ptr %139, align 4
  %141 = and i32 %140, 1073741823
  %142 = getelementptr i32, ptr %115, i64 %51
  %143 = getelementptr i32, ptr %142, i64 %137
  store i32 %141, ptr %143, align 4
  %144 = icmp uge i32 %141, %30
  %145 = zext i1 %144 to i64
  %146 = add i64 %53, %145
  br label %50

147:
  %148 = add nsw i64 %60, -1
  %149 = add i64 %59, 1
  %150 = icmp slt i64 %61, %9
  br i1 %150, label %63, label %77

151:
  %152 = icmp slt i64 %41, %9
  br i1 %152, label %153, label %12

153:
  %154 = phi i64 [ %20, %151 ], [ %4, %12 ]
  store i64 %154, ptr %0, align 8
  ret void
}

define internal void @21(ptr noalias nonnull %0, ptr %1, i64 %2, i64 %3, ptr %4, i64 %5, i64 %6, i64 %7, ptr %8, i64 %9, i64 %10, ptr %11, i64 %12, ptr %13, i64 %14, ptr %15, i64 %16, i64 %17) {
  %19 = and i64 %7, -32768
  %20 = icmp eq i64 %19, 32768
  %21 = add nsw i64 %6, %10
  %22 = add nsw i64 %21, -1
  %23 = icmp eq i64 %10, 0
  br i1 %23, label %130, label %126

24:
  %25 = phi i64 [ 0, %130 ], [ %30, %44 ]
  %26 = phi i64 [ %131, %130 ], [ %32, %44 ]
  %27 = icmp sgt i64 %26, 0
  %28 = mul nsw i64 %25, %10
  %29 = zext i1 %27 to i64
  %30 = add i64 %25, %29
  %31 = sext i1 %27 to i64
  %32 = add nsw i64 %26, %31
  %33 = select i1 %27, i64 %28, i64 0
  br i1 %27, label %34, label %124

34:
  %35 = sub nsw i64 %6, %33
  %36 = call i64 @llvm.smin.i64(i64 %35, i64 %10)
  %37 = call i64 @llvm.smax.i64(i64 %5, i64 0)
  br label %38

38:
  %39 = phi i64 [ 0, %34 ], [ %144, %186 ]
  %40 = phi i64 [ %37, %34 ], [ %143, %186 ]
  %41 = icmp sgt i64 %40, 0
  br i1 %41, label %142, label %42

42:
  %43 = call i64 @llvm.smax.i64(i64 %16, i64 0)
  br label %44

44:
  %45 = phi i64 [ 0, %42 ], [ %49, %125 ]
  %46 = phi i64 [ %43, %42 ], [ %51, %125 ]
  %47 = icmp sgt i64 %46, 0
  %48 = zext i1 %47 to i64
  %49 = add i64 %45, %48
  %50 = sext i1 %47 to i64
  %51 = add nsw i64 %46, %50
  %52 = select i1 %47, i64 %45, i64 0
  br i1 %47, label %213, label %24

53:
  %54 = phi i64 [ 0, %232 ], [ %241, %57 ]
  %55 = phi i64 [ %235, %232 ], [ %240, %57 ]
  %56 = icmp sgt i64 %55, 0
  br i1 %56, label %239, label %61

57:
  %58 = phi i64 [ 0, %282 ], [ %299, %297 ]
  %59 = phi i64 [ %289, %282 ], [ %298, %297 ]
  %60 = icmp sgt i64 %59, 0
  br i1 %60, label %297, label %53

61:
  %62 = shl nsw i64 %234, 1
  %63 = sub i64 %5, %62
  %64 = call i64 @llvm.smax.i64(i64 %63, i64 0)
  br label %65

65:
  %66 = phi i64 [ %62, %61 ], [ %321, %69 ]
  %67 = phi i64 [ %64, %61 ], [ %320, %69 ]
  %68 = icmp sgt i64 %67, 0
  br i1 %68, label %319, label %73

69:
  %70 = phi i64 [ 0, %336 ], [ %358, %356 ]
  %71 = phi i64 [ %343, %336 ], [ %357, %356 ]
  %72 = icmp sgt i64 %71, 0
  br i1 %72, label %356, label %65

73:
  %74 = add nsw i64 %33, %36
  %75 = icmp slt i64 %52, 0
  %76 = select i1 %75, i64 %16, i64 0
  %77 = add i64 %52, %76
  %78 = icmp slt i64 %33, 0
  %79 = select i1 %78, i64 %17, i64 0
  %80 = add i64 %33, %79
  %81 = icmp slt i64 %80, 0
  br i1 %81, label %385, label %386

82:
  %83 = icmp eq i64 %7, 0
  br i1 %83, label %90, label %88

84:
  %85 = phi i64 [ 0, %94 ], [ %98, %96 ]
  %86 = phi i64 [ %381, %94 ], [ %97, %96 ]
  %87 = icmp sgt i64 %86, 0
  br i1 %87, label %96, label %125

88:
  %89 = urem i64 4294967296, %7
  br label %90

90:
  %91 = phi i64 [ %89, %88 ], [ 0, %82 ]
  br i1 %83, label %94, label %92

92:
  %93 = udiv i64 4398046511104, %7
  br label %94

94:
  %95 = phi i64 [ %93, %92 ], [ 0, %90 ]
  br label %84

96:
  %97 = add nsw i64 %86, -1
  %98 = add i64 %85, 1
  %99 = icmp slt i64 %85, 0
  %100 = select i1 %99, i64 %12, i64 0
  %101 = getelementptr i64, ptr %11, i64 %85
  %102 = getelementptr i64, ptr %101, i64 %100
  %103 = load i64, ptr %102, align 8
  %104 = lshr i64 %103, 32
  %105 = mul nuw nsw i64 %104, %91
  %106 = and i64 %103, 4294967295
  %107 = add nuw nsw i64 %105, %106
  %108 = mul i64 %107, %95
  %109 = lshr i64 %108, 42
  %110 = mul nuw nsw i64 %109, %7
  %111 = sub nsw i64 %107, %110
  %112 = sub nsw i64 %111, %7
  %113 = call i64 @llvm.umin.i64(i64 %112, i64 %111)
  %114 = trunc i64 %113 to i32
  %115 = select i1 %99, i64 %381, i64 0
  %116 = getelementptr i32, ptr %384, i64 %85
  %117 = getelementptr i32, ptr %116, i64 %115
  store i32 %114, ptr %117, align 4
  br label %84

118:
  %119 = icmp eq i64 %7, 0
  br i1 %119, label %403, label %401

120:
  %121 = phi i64 [ 0, %403 ], [ %408, %425 ]
  %122 = phi i64 [ %405, %403 ], [ %407, %425 ]
  %123 = icmp sgt i64 %122, 0
  br i1 %123, label %406, label %125

124:
  store ptr null, ptr %0, align 8
  ret void

125:
  br label %44

126:
  %127 = icmp ne i64 %22, -9223372036854775808
  %128 = icmp ne i64 %10, -1
  %129 = or i1 %127, %128
  br i1 %129, label %132, label %130

130:
  %131 = phi i64 [ 0, %18 ], [ %141, %132 ], [ 0, %126 ]
  br label %24

132:
  %133 = sdiv i64 %22, %10
  %134 = srem i64 %22, %10
  %135 = xor i64 %10, %134
  %136 = icmp slt i64 %135, 0
  %137 = icmp ne i64 %134, 0
  %138 = and i1 %137, %136
  %139 = sext i1 %138 to i64
  %140 = add i64 %133, %139
  %141 = call i64 @llvm.smax.i64(i64 %140, i64 0)
  br label %130

142:
  %143 = add nsw i64 %40, -1
  %144 = add i64 %39, 1
  %145 = add nsw i64 %33, %36
  %146 = icmp slt i64 %39, 0
  %147 = select i1 %146, i64 %5, i64 0
  %148 = add i64 %39, %147
  %149 = icmp slt i64 %33, 0
  %150 = select i1 %149, i64 %6, i64 0
  %151 = add i64 %33, %150
  %152 = icmp slt i64 %151, 0
  br i1 %152, label %163, label %164

153:
  %154 = phi i64 [ %176, %175 ], [ %6, %178 ]
  %155 = sub i64 %154, %169
  %156 = call i64 @llvm.smax.i64(i64 %155, i64 0)
  %157 = mul i64 %148, %6
  %158 = getelementptr i32, ptr %4, i64 %157
  %159 = getelementptr i32, ptr %158, i64 %169
  %160 = select i1 %146, i64 %9, i64 0
  %161 = add i64 %39, %160
  %162 = icmp slt i64 %10, 1
  br i1 %162, label %201, label %202

163:
  br label %164

164:
  %165 = phi i64 [ 0, %163 ], [ %151, %142 ]
  %166 = icmp slt i64 %151, %6
  br i1 %166, label %168, label %167

167:
  br label %168

168:
  %169 = phi i64 [ %6, %167 ], [ %165, %164 ]
  %170 = icmp slt i64 %145, 0
  %171 = select i1 %170, i64 %6, i64 0
  %172 = add i64 %145, %171
  %173 = icmp slt i64 %172, 0
  br i1 %173, label %174, label %175

174:
  br label %175

175:
  %176 = phi i64 [ 0, %174 ], [ %172, %168 ]
  %177 = icmp slt i64 %172, %6
  br i1 %177, label %153, label %178

178:
  br label %153

179:
  %180 = phi i64 [ %210, %209 ], [ %10, %212 ]
  %181 = sub i64 %180, %203
  %182 = call i64 @llvm.smax.i64(i64 %181, i64 0)
  %183 = mul i64 %161, %10
  %184 = getelementptr i32, ptr %8, i64 %183
  %185 = getelementptr i32, ptr %184, i64 %203
  br label %186

186:
  %187 = phi i64 [ 0, %179 ], [ %192, %190 ]
  %188 = phi i64 [ %182, %179 ], [ %191, %190 ]
  %189 = icmp sgt i64 %188, 0
  br i1 %189, label %190, label %38

190:
  %191 = add nsw i64 %188, -1
  %192 = add i64 %187, 1
  %193 = icmp slt i64 %187, 0
  %194 = select i1 %193, i64 %156, i64 0
  %195 = getelementptr i32, ptr %159, i64 %187
  %196 = getelementptr i32, ptr %195, i64 %194
  %197 = load i32, ptr %196, align 4
  %198 = select i1 %193, i64 %182, i64 0
  %199 = getelementptr i32, ptr %185, i64 %187
  %200 = getelementptr i32, ptr %199, i64 %198
  store i32 %197, ptr %200, align 4
  br label %186

201:
  br label %202

202:
  %203 = phi i64 [ %10, %201 ], [ 0, %153 ]
  %204 = icmp slt i64 %36, 0
  %205 = select i1 %204, i64 %10, i64 0
  %206 = add i64 %36, %205
  %207 = icmp slt i64 %206, 0
  br i1 %207, label %208, label %209

208:
  br label %209

209:
  %210 = phi i64 [ 0, %208 ], [ %206, %202 ]
  %211 = icmp slt i64 %206, %10
  br i1 %211, label %179, label %212

212:
  br label %179

213:
  %214 = icmp slt i64 %12, 1
  br i1 %214, label %215, label %216

215:
  br label %216

216:
  %217 = phi i64 [ %12, %215 ], [ 0, %213 ]
  br label %218

218:
  %219 = phi i64 [ %217, %216 ], [ %223, %221 ]
  %220 = icmp slt i64 %219, %12
  br i1 %220, label %221, label %224

221:
  %222 = getelementptr i64, ptr %11, i64 %219
  store i64 0, ptr %222, align 8
  %223 = add nsw i64 %219, 1
  br label %218

224:
  %225 = icmp slt i64 %14, 1
  br i1 %225, label %226, label %227

226:
  br label %227

227:
  %228 = phi i64 [ %14, %226 ], [ 0, %224 ]
  br label %229

229:
  %230 = phi i64 [ %228, %227 ], [ %238, %236 ]
  %231 = icmp slt i64 %230, %14
  br i1 %231, label %236, label %232

232:
  %233 = ashr i64 %5, 1
  %234 = select i1 %20, i64 %233, i64 0
  %235 = call i64 @llvm.smax.i64(i64 %234, i64 0)
  br label %53

236:
  %237 = getelementptr i64, ptr %13, i64 %230
  store i64 0, ptr %237, align 8
  %238 = add nsw i64 %230, 1
  br label %229

239:
  %240 = add nsw i64 %55, -1
  %241 = add i64 %54, 1
  %242 = shl nsw i64 %54, 1
  %243 = icmp slt i64 %52, 0
  %244 = select i1 %243, i64 %2, i64 0
  %245 = add i64 %52, %244
  %246 = icmp slt i64 %54, 0
  %247 = select i1 %246, i64 %3, i64 0
  %248 = mul i64 %245, %3
  %249 = getelementptr i32, ptr %1, i64 %248
  %250 = getelementptr i32, ptr %249, i64 %242
  %251 = getelementptr i32, ptr %250, i64 %247
  %252 = load i32, ptr %251, align 4
  %253 = zext i32 %252 to i64
  %254 = getelementptr i8, ptr %250, i64 4
  %255 = getelementptr i32, ptr %254, i64 %247
  %256 = load i32, ptr %255, align 4
  %257 = zext i32 %256 to i64
  %258 = select i1 %246, i64 %9, i64 0
  %259 = add i64 %242, %258
  %260 = icmp slt i64 %10, 1
  br i1 %260, label %270, label %271

261:
  %262 = phi i64 [ %279, %278 ], [ %10, %281 ]
  %263 = sub i64 %262, %272
  %264 = call i64 @llvm.smax.i64(i64 %263, i64 0)
  %265 = mul i64 %259, %10
  %266 = getelementptr i32, ptr %8, i64 %265
  %267 = getelementptr i32, ptr %266, i64 %272
  %268 = or disjoint i64 %242, 1
  %269 = add i64 %268, %258
  br i1 %260, label %290, label %291

270:
  br label %271

271:
  %272 = phi i64 [ %10, %270 ], [ 0, %239 ]
  %273 = icmp slt i64 %36, 0
  %274 = select i1 %273, i64 %10, i64 0
  %275 = add i64 %36, %274
  %276 = icmp slt i64 %275, 0
  br i1 %276, label %277, label %278

277:
  br label %278

278:
  %279 = phi i64 [ 0, %277 ], [ %275, %271 ]
  %280 = icmp slt i64 %275, %10
  br i1 %280, label %261, label %281

281:
  br label %261

282:
  %283 = phi i64 [ %295, %294 ], [ %10, %296 ]
  %284 = sub i64 %283, %292
  %285 = call i64 @llvm.smax.i64(i64 %284, i64 0)
  %286 = mul i64 %269, %10
  %287 = getelementptr i32, ptr %8, i64 %286
  %288 = getelementptr i32, ptr %287, i64 %292
  %289 = call i64 @llvm.smax.i64(i64 %36, i64 0)
  br label %57

290:
  br label %291

291:
  %292 = phi i64 [ %10, %290 ], [ 0, %261 ]
  br i1 %276, label %293, label %294

293:
  br label %294

294:
  %295 = phi i64 [ 0, %293 ], [ %275, %291 ]
  br i1 %280, label %282, label %296

296:
  br label %282

297:
  %298 = add nsw i64 %59, -1
  %299 = add i64 %58, 1
  %300 = icmp slt i64 %58, 0
  %301 = select i1 %300, i64 %12, i64 0
  %302 = getelementptr i64, ptr %11, i64 %58
  %303 = getelementptr i64, ptr %302, i64 %301
  %304 = load i64, ptr %303, align 8
  %305 = select i1 %300, i64 %264, i64 0
  %306 = getelementptr i32, ptr %267, i64 %58
  %307 = getelementptr i32, ptr %306, i64 %305
  %308 = load i32, ptr %307, align 4
  %309 = zext i32 %308 to i64
  %310 = mul nuw i64 %309, %253
  %311 = select i1 %300, i64 %285, i64 0
  %312 = getelementptr i32, ptr %288, i64 %58
  %313 = getelementptr i32, ptr %312, i64 %311
  %314 = load i32, ptr %313, align 4
  %315 = zext i32 %314 to i64
  %316 = mul nuw i64 %315, %257
  %317 = add i64 %310, %316
  %318 = add i64 %304, %317
  store i64 %318, ptr %303, align 8
  br label %57

319:
  %320 = add nsw i64 %67, -1
  %321 = add i64 %66, 1
  %322 = icmp slt i64 %52, 0
  %323 = select i1 %322, i64 %2, i64 0
  %324 = add i64 %52, %323
  %325 = icmp slt i64 %66, 0
  %326 = select i1 %325, i64 %3, i64 0
  %327 = mul i64 %324, %3
  %328 = getelementptr i32, ptr %1, i64 %327
  %329 = getelementptr i32, ptr %328, i64 %66
  %330 = getelementptr i32, ptr %329, i64 %326
  %331 = load i32, ptr %330, align 4
  %332 = zext i32 %331 to i64
  %333 = select i1 %325, i64 %9, i64 0
  %334 = add i64 %66, %333
  %335 = icmp slt i64 %10, 1
  br i1 %335, label %344, label %345

336:
  %337 = phi i64 [ %353, %352 ], [ %10, %355 ]
  %338 = sub i64 %337, %346
  %339 = call i64 @llvm.smax.i64(i64 %338, i64 0)
  %340 = mul i64 %334, %10
  %341 = getelementptr i32, ptr %8, i64 %340
  %342 = getelementptr i32, ptr %341, i64 %346
  %343 = call i64 @llvm.smax.i64(i64 %36, i64 0)
  br label %69

344:
  br label %345

345:
  %346 = phi i64 [ %10, %344 ], [ 0, %319 ]
  %347 = icmp slt i64 %36, 0
  %348 = select i1 %347, i64 %10, i64 0
  %349 = add i64 %36, %348
  %350 = icmp slt i64 %349, 0
  br i1 %350, label %351, label %352

351:
  br label %352

352:
  %353 = phi i64 [ 0, %351 ], [ %349, %345 ]
  %354 = icmp slt i64 %349, %10
  br i1 %354, label %336, label %355

355:
  br label %336

356:
  %357 = add nsw i64 %71, -1
  %358 = add i64 %70, 1
  %359 = icmp slt i64 %70, 0
  %360 = select i1 %359, i64 %339, i64 0
  %361 = getelementptr i32, ptr %342, i64 %70
  %362 = getelementptr i32, ptr %361, i64 %360
  %363 = load i32, ptr %362, align 4
  %364 = zext i32 %363 to i64
  %365 = mul nuw i64 %364, %332
  %366 = select i1 %359, i64 %12, i64 0
  %367 = getelementptr i64, ptr %11, i64 %70
  %368 = getelementptr i64, ptr %367, i64 %366
  %369 = load i64, ptr %368, align 8
  %370 = and i64 %365, 4294967295
  %371 = add i64 %369, %370
  store i64 %371, ptr %368, align 8
  %372 = select i1 %359, i64 %14, i64 0
  %373 = getelementptr i64, ptr %13, i64 %70
  %374 = getelementptr i64, ptr %373, i64 %372
  %375 = load i64, ptr %374, align 8
  %376 = lshr i64 %365, 32
  %377 = add i64 %375, %376
  store i64 %377, ptr %374, align 8
  br label %69

378:
  %379 = phi i64 [ %398, %397 ], [ %17, %400 ]
  %380 = sub i64 %379, %391
  %381 = call i64 @llvm.smax.i64(i64 %380, i64 0)
  %382 = mul i64 %77, %17
  %383 = getelementptr i32, ptr %15, i64 %382
  %384 = getelementptr i32, ptr %383, i64 %391
  br i1 %20, label %82, label %118

385:
  br label %386

386:
  %387 = phi i64 [ 0, %385 ], [ %80, %73 ]
  %388 = icmp slt i64 %80, %17
  br i1 %388, label %390, label %389

389:
  br label %390

390:
  %391 = phi i64 [ %17, %389 ], [ %387, %386 ]
  %392 = icmp slt i64 %74, 0
  %393 = select i1 %392, i64 %17, i64 0
  %394 = add i64 %74, %393
  %395 = icmp slt i64 %394, 0
  br i1 %395, label %396, label %397

396:
  br label %397

397:
  %398 = phi i64 [ 0, %396 ], [ %394, %390 ]
  %399 = icmp slt i64 %394, %17
  br i1 %399, label %378, label %400

400:
  br label %378

401:
  %402 = urem i64 4294967296, %7
  br label %403

403:
  %404 = phi i64 [ %402, %401 ], [ 0, %118 ]
  %405 = call i64 @llvm.smax.i64(i64 %36, i64 0)
  br label %120

406:
  %407 = add nsw i64 %122, -1
  %408 = add i64 %121, 1
  br i1 %119, label %425, label %409

409:
  %410 = getelementptr i64, ptr %13, i64 %121
  %411 = icmp slt i64 %121, 0
  %412 = select i1 %411, i64 %14, i64 0
  %413 = getelementptr i64, ptr %410, i64 %412
  %414 = load i64, ptr %413, align 8
  %415 = urem i64 %414, %7
  %416 = mul i64 %415, %404
  %417 = getelementptr i64, ptr %11, i64 %121
  %418 = select i1 %411, i64 %12, i64 0
  %419 = getelementptr i64, ptr %417, i64 %418
  %420 = load i64, ptr %419, align 8
  %421 = urem i64 %420, %7
  %422 = add i64 %416, %421
  %423 = urem i64 %422, %7
  %424 = trunc i64 %423 to i32
  br label %425

425:
  %426 = phi i32 [ %424, %409 ], [ 0, %406 ]
  %427 = icmp slt i64 %121, 0
  %428 = select i1 %427, i64 %381, i64 0
  %429 = getelementptr i32, ptr %384, i64 %121
  %430 = getelementptr i32, ptr %429, i64 %428
  store i32 %426, ptr %430, align 4
  br label %120
}

declare i64 @llvm.ctpop.i64(i64)

declare i32 @llvm.umin.i32(i32, i32)

declare i64 @llvm.smin.i64(i64, i64)

declare i64 @llvm.smax.i64(i64, i64)

declare i64 @llvm.abs.i64(i64, i1 immarg)

declare i64 @llvm.umin.i64(i64, i64)
